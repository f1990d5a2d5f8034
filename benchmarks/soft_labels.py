"""Where soft labels come from, and how soft they are: MaskCon against its adaptive form, on equal terms.

    python -m benchmarks.soft_labels two_digits             # data/sets/two_digits, packed by: dvc repro coarse
    python -m benchmarks.soft_labels cifartoy               # data/sets/folder, packed as grids/cifartoy.yaml says
    python -m benchmarks.soft_labels figure                 # the table and the figure again, from the rows alone

Both sides get the same encoder, recipe and number of values tried; of those the best on validation (seed 0) is trained
with seeds that took no part in the choice, each paired over methods, and scored on test once. Each part of the adaptive
form is then taken away or added alone. Rows go to reports/studies/recipe/SET.csv as they are measured: a study
cut short goes on from there. One training at a time, one thread.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from benchmarks.methods import composed
from maskcon.atomic_files import write_table, write_text
from maskcon.datasets.packed import read_labelled_set, read_training_set
from maskcon.embeddings import embed
from maskcon.errors import mistakes_end_as_sentences
from maskcon.parameters import Parameters
from maskcon.retrieval_metrics import query_scores
from maskcon.tables.statistics import Summary, paired_difference, summarise
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import SilentWatcher, train

RESULTS = Path("reports/studies/recipe")
CHOOSING_SEED = 0
Values = dict[str, Any]


def row_of_map(w: float) -> dict[str, list[Values]]:
    """One w, and several temperatures or shares."""
    temperatures, shares = (0.05, 0.1, 0.2, 0.3), (0.03, 0.1, 0.2, 0.4)
    return {
        "MaskCon": [{"name": "maskcon", "w": w, "soft_temperature": value} for value in temperatures],
        "adaptive": [{"name": "adaptive_maskcon", "w": w, "positive_share": value} for value in shares],
    }


# What is tried on validation, as many for each side. On CIFARtoy the adaptive form has its classifier.
TRIED = {
    "two_digits": row_of_map(1.0),
    "cifartoy_good": {
        "MaskCon": [
            {"name": "maskcon", "w": 0.5, "soft_temperature": 0.1},
            {"name": "maskcon", "w": 1.0, "soft_temperature": 0.1},
            {"name": "maskcon", "w": 1.0, "soft_temperature": 0.05},
        ],
        "adaptive": [
            {"name": "adaptive_maskcon", "w": 0.5, "positive_share": 0.2, "classifier_share": 0.8},
            {"name": "adaptive_maskcon", "w": 1.0, "positive_share": 0.2, "classifier_share": 0.8},
            {"name": "adaptive_maskcon", "w": 0.5, "positive_share": 0.2, "classifier_share": 0.5},
        ],
    },
}
# The rest of the sensitivity map, measured when values have been chosen.
MAP = {"two_digits": [row_of_map(0.5), row_of_map(0.8)]}
CHOSEN_ON = {"two_digits": "two_digits", "cifartoy_good": "cifartoy_good", "cifartoy_bad": "cifartoy_good"}
SEEDS = {"two_digits": 5, "cifartoy_good": 3, "cifartoy_bad": 3}
STUDIES = {"two_digits": ["two_digits"], "cifartoy": ["cifartoy_good", "cifartoy_bad"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=[*STUDIES, "figure"])
    study = parser.parse_args().study
    if study != "figure":
        torch.set_num_threads(1)
        measure(study)
    write_text(
        RESULTS / "table.md", as_markdown(pd.concat(pd.read_csv(path) for path in sorted(RESULTS.glob("*.csv"))))
    )
    draw_map(RESULTS / "two_digits.csv", RESULTS / "sensitivity.png")


def measure(study: str) -> None:
    record = Record(RESULTS / f"{study}.csv")
    sets = STUDIES[study]
    for name in sets:
        record.on_validation(name, TRIED.get(name, {}))
    chosen = {name: {side: record.best(CHOSEN_ON[name], side) for side in ("MaskCon", "adaptive")} for name in sets}
    for name in sets:
        for seed in range(1, SEEDS[name] + 1):
            for side, values in chosen[name].items():
                record.run(name, side, values, seed, "test")
    for name in sets:
        for row in MAP.get(name, []):
            record.on_validation(name, row)
    for name in sets:
        for seed in range(1, 4):
            for part, values in one_part_changed(chosen[name]["MaskCon"], chosen[name]["adaptive"]).items():
                record.run(name, part, values, seed, "test")


def one_part_changed(maskcon: Values, adaptive: Values) -> dict[str, Values]:
    """The ablation: the chosen adaptive form with one part as in MaskCon, and MaskCon with one part of it."""
    plain = {**maskcon, "name": "adaptive_maskcon", "positive_share": None, "similarity_of": "keys"}
    weight = adaptive.get("classifier_share", 0.0)
    return {
        "adaptive, similarity of keys": {**adaptive, "similarity_of": "keys"},
        "adaptive, similarity of both": {**adaptive, "similarity_of": "both"},
        "adaptive, classifier the other way": {**adaptive, "classifier_share": 0.0 if weight else 0.8},
        "MaskCon and a classifier": {**plain, "classifier_share": 0.8},
    }


class Record:
    """Rows of one CSV file, one for each training; what is there is not trained again."""

    def __init__(self, path: Path):
        self.path = path
        self.rows = pd.read_csv(path).to_dict("records") if path.exists() else []

    def run(self, name: str, side: str, values: Values, seed: int, split: str) -> None:
        key = {"set": name, "side": side, "values": json.dumps(values), "seed": seed, "split": split}
        if any(key.items() <= row.items() for row in self.rows):
            return
        self.rows.append({**key, **train_and_score(name, values, seed, split)})
        write_table(self.path, self.rows)
        print(time.strftime("%H:%M:%S"), self.rows[-1], flush=True)

    def on_validation(self, name: str, sides: dict[str, list[Values]]) -> None:
        for each in zip(*sides.values(), strict=True):
            for side, values in zip(sides, each, strict=True):
                self.run(name, side, values, CHOOSING_SEED, "val")

    def best(self, name: str, side: str) -> Values:
        """Of the values tried those with the highest Recall@1 on validation; of equal ones the first."""
        validated = [row for row in self.rows if (row["set"], row["split"]) == (name, "val")]
        recall = {row["values"]: row["recall_at_1"] for row in validated}
        return max(TRIED[name][side], key=lambda values: recall[json.dumps(values)])


def train_and_score(name: str, values: Values, seed: int, split: str) -> dict[str, float]:
    parameters = parameters_of(name, values, seed)
    folder = Path("data/sets") / parameters.data.name
    training_set = read_training_set(folder / "train")
    if name != "two_digits":  # both groupings of the same photos
        coarse_of = coarse_of_fine(Path(parameters.data.coarse_map))
        labelled = read_labelled_set(folder / "train")
        names = sorted(set(coarse_of.values()))
        coarse = np.array([names.index(coarse_of[fine]) for fine in labelled.fine_name])
        training_set = replace(training_set, coarse=coarse, coarse_names=names)
    started = time.monotonic()
    with TemporaryDirectory() as scratch:
        checkpoints = Checkpoints(Path(scratch))
        encoder = train(training_set, parameters, torch.device("cpu"), checkpoints, SilentWatcher()).encoder.eval()
    seconds = time.monotonic() - started
    asked = read_labelled_set(folder / split)
    features = torch.from_numpy(embed(encoder, asked.images, parameters.data.channels, "cpu"))
    scores = query_scores(features, asked.coarse, asked.fine, [1])
    return {"recall_at_1": round(float(scores["recall_at_1"].mean()), 5), "seconds": round(seconds, 1)}


def parameters_of(name: str, values: Values, seed: int) -> Parameters:
    choices = {"two_digits": ["data=two_digits", "train.epochs=8"]}.get(
        name, ["recipe=cifartoy_short", f"data.coarse_map=coarse_labels/maps/{name}.csv"]
    )
    loss = [f"loss={values['name']}"]
    loss += [f"loss.{key}={'null' if value is None else value}" for key, value in values.items() if key != "name"]
    return composed([*choices, f"seed={seed}", *loss])


def coarse_of_fine(path: Path) -> dict[str, str]:
    table = pd.read_csv(path).dropna()
    return dict(zip(table["fine_name"], table["coarse_name"], strict=True))


def as_markdown(rows: pd.DataFrame) -> str:
    """Every side on test: mean and deviation over seeds, and the paired difference to MaskCon with its 95% interval."""
    test = rows[rows["split"] == "test"]
    percent = {
        key: dict(zip(runs["seed"], 100 * runs["recall_at_1"], strict=True))
        for key, runs in test.groupby(["set", "side"], sort=False)
    }
    lines = []
    for (name, side), by_seed in percent.items():
        runs = test[(test["set"] == name) & (test["side"] == side)]
        difference = None if side == "MaskCon" else paired_difference(by_seed, percent.get((name, "MaskCon"), {}))
        lines.append(
            {
                "set": name,
                "method": side,
                "values": _in_words(json.loads(runs["values"].iloc[0])),
                "n": str(len(by_seed)),
                "Recall@1": _with_deviation(summarise(by_seed)),
                "paired difference to MaskCon, 95%": "" if difference is None else _with_interval(difference),
                "seconds": "" if runs["seconds"].isna().all() else f"{runs['seconds'].mean():.0f}",
            }
        )
    return pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True) + "\n"


def _with_deviation(summary: Summary) -> str:
    return f"{summary.mean:.1f}" + ("" if summary.sd is None else f" ± {summary.sd:.1f}")


def _with_interval(summary: Summary) -> str:
    interval = "" if summary.low is None else f" [{summary.low:+.1f}, {summary.high:+.1f}]"
    return f"{summary.mean:+.1f}{interval}, n = {summary.n}"


def _in_words(values: Values) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if name != "name" and value is not None)


def draw_map(rows_path: Path, path: Path) -> None:
    """Recall@1 on validation over w and how soft the labels are: a panel for each side."""
    rows = pd.read_csv(rows_path)
    rows = rows[rows["split"] == "val"]
    values = pd.DataFrame([json.loads(text) for text in rows["values"]], index=rows.index)
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.subplots(1, 2)
    titles = {"MaskCon": ("soft_temperature", "MaskCon"), "adaptive": ("positive_share", "Adaptive MaskCon")}
    for axis, (side, (setting, title)) in zip(axes, titles.items(), strict=True):
        chosen = values[rows["side"] == side].assign(recall=100 * rows["recall_at_1"])
        table = chosen.pivot(index="w", columns=setting, values="recall")
        axis.imshow(table, vmin=0, vmax=100, cmap="viridis", aspect="auto", origin="lower")
        for i, row in enumerate(table.to_numpy()):
            for j, value in enumerate(row):
                axis.text(j, i, f"{value:.1f}", ha="center", va="center", color="black" if value > 60 else "white")
        axis.set_xticks(range(len(table.columns)), [f"{each:g}" for each in table.columns])
        axis.set_yticks(range(len(table.index)), [f"{each:g}" for each in table.index])
        axis.set(title=title, xlabel=setting.replace("_", " "), ylabel="w")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    with mistakes_end_as_sentences():
        main()

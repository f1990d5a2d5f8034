"""Where soft labels come from, and how soft they are: MaskCon against variants of it, on equal terms.

    python -m benchmarks.soft_labels two_digits             # data/sets/two_digits, packed by: dvc repro coarse
    python -m benchmarks.soft_labels cifartoy               # data/sets/folder, packed as grids/cifartoy.yaml says
    python -m benchmarks.soft_labels two_digits_long        # the values chosen in the first, for its whole recipe
    python -m benchmarks.soft_labels figure                 # the table and the figure again, from the rows alone

All sides get the same encoder, recipe and number of values tried; of those the best on validation (seed 0) is trained
with seeds that took no part in the choice, each paired over methods, and scored on test once. Single parts are then
added to the chosen values of a side, one at a time. Rows go to reports/studies/recipe/SET.csv as they are measured: a
study cut short goes on from there. One thread a training.
"""

import argparse
import copy
import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from benchmarks.methods import composed
from maskcon.embedding.features import embed
from maskcon.encoders.networks import Encoder
from maskcon.evaluation.retrieval.metrics import query_scores
from maskcon.experiments.tables.method_styles import method_style
from maskcon.experiments.tables.statistics import Summary, paired_difference, summarise
from maskcon.images.packed.image_set import read_labelled_set, read_training_set
from maskcon.parameters.errors import mistakes_end_as_sentences
from maskcon.parameters.model import Parameters
from maskcon.runtime.atomic_files import write_table, write_text
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import SilentWatcher, train

RESULTS = Path("reports/studies/recipe")
CHOOSING_SEED = 0
Values = dict[str, Any]

MASKCON = {"name": "maskcon"}
FEATURES = {"name": "adaptive_maskcon", "positive_share": None, "similarity_of": "features"}  # at a fixed temperature
ADAPTIVE = {"name": "adaptive_maskcon"}
WITH_CLASSIFIER = {"name": "adaptive_maskcon", "classifier_share": 0.8}


def grid(fixed: Values, **axes: Iterable[Any]) -> list[Values]:
    """``fixed`` with every combination of the axes' values."""
    return [{**fixed, **dict(zip(axes, values, strict=True))} for values in product(*axes.values())]


# What is tried on validation, as many for each side.
SHARES = (0.03, 0.1, 0.2, 0.4, 0.8)
TRIED = {
    "two_digits": {
        "MaskCon": grid(MASKCON, w=(1.0, 0.8, 0.5), soft_temperature=(0.05, 0.1, 0.2, 0.3, 0.5)),
        "features": grid(FEATURES, w=(1.0, 0.8, 0.5), soft_temperature=(0.05, 0.1, 0.2, 0.3, 0.5)),
        "adaptive": grid(ADAPTIVE, w=(1.0, 0.8, 0.5), positive_share=SHARES),
        "adaptive, classifier": grid(WITH_CLASSIFIER, w=(1.0, 0.8, 0.5), positive_share=SHARES),
    },
    "cifartoy_good": {
        "MaskCon": grid(MASKCON, w=(0.5, 1.0), soft_temperature=(0.05, 0.1, 0.2)),
        "features": grid(FEATURES, w=(0.5, 1.0), soft_temperature=(0.05, 0.1, 0.2)),
        "adaptive, classifier": grid(WITH_CLASSIFIER, w=(0.5, 0.2), positive_share=(0.1, 0.2, 0.4)),
    },
}
EPOCHS = {"two_digits": 8, "two_digits_long": 30, "cifartoy_good": 15, "cifartoy_bad": 15}
CHOSEN_ON = {
    "two_digits": "two_digits",
    "two_digits_long": "two_digits",
    "cifartoy_good": "cifartoy_good",
    "cifartoy_bad": "cifartoy_good",
}
SEEDS = {"two_digits": 5, "two_digits_long": 5, "cifartoy_good": 3, "cifartoy_bad": 3}
STUDIES = {
    "two_digits": ["two_digits"],
    "two_digits_long": ["two_digits_long"],
    "cifartoy": ["cifartoy_good", "cifartoy_bad"],
}
SCORED_ON_THE_WAY = {"two_digits_long": 3}  # every so many epochs, for the curves
WITHOUT_PARTS = ("two_digits_long", "cifartoy_bad")
# What the study of grids/cifartoy.yaml had chosen for MaskCon, second by a hair on this study's validation.
CHOSEN_ELSEWHERE = {"cifartoy_good": {**MASKCON, "w": 0.5, "soft_temperature": 0.1}}
CHOSEN_ELSEWHERE["cifartoy_bad"] = CHOSEN_ELSEWHERE["cifartoy_good"]


class Trial(NamedTuple):
    """One training, and the part its final weights are scored on."""

    set: str
    side: str
    values: Values
    seed: int
    split: str

    def key(self) -> dict[str, Any]:
        return {**self._asdict(), "values": json.dumps(self.values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=[*STUDIES, "figure"])
    parser.add_argument("--processes", type=int, default=2, help="trainings at once")
    arguments = parser.parse_args()
    if arguments.study != "figure":
        with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
            measure(arguments.study, Record(RESULTS / f"{arguments.study}.csv", pool))
    rows = pd.concat(pd.read_csv(RESULTS / f"{study}.csv") for study in STUDIES if (RESULTS / f"{study}.csv").exists())
    write_text(RESULTS / "table.md", as_markdown(rows))
    for name, of_set in rows.groupby("set"):
        if (of_set["split"] == "val").any():
            draw_map(of_set, RESULTS / f"sensitivity_{name}.png")
        if name in SCORED_ON_THE_WAY:
            draw_curves(of_set, RESULTS / f"over_epochs_{name}.png")


def measure(study: str, record: "Record") -> None:
    sets = STUDIES[study]
    record.run(
        Trial(name, side, values, CHOOSING_SEED, "val")
        for name in sets
        for of_one_place in zip(*TRIED.get(name, {}).values(), strict=True)
        for side, values in zip(TRIED[name], of_one_place, strict=True)
    )
    validated = record
    if any(CHOSEN_ON[name] not in sets for name in sets):  # chosen in another study, which comes first
        validated = Record(RESULTS / f"{CHOSEN_ON[sets[0]]}.csv")
    chosen = {name: {side: validated.best(CHOSEN_ON[name], side) for side in TRIED[CHOSEN_ON[name]]} for name in sets}
    record.run(
        Trial(name, side, values, seed, "test")
        for name in sets
        for seed in range(1, SEEDS[name] + 1)
        for side, values in chosen[name].items()
        if name != "two_digits_long" or side in ("MaskCon", "adaptive, classifier")
    )
    record.run(
        Trial(name, "MaskCon, as grids/cifartoy.yaml", CHOSEN_ELSEWHERE[name], seed, "test")
        for name in sets
        if name in CHOSEN_ELSEWHERE
        for seed in range(1, SEEDS[name] + 1)
    )
    record.run(
        Trial(name, part, values, seed, "test")
        for seed in range(1, 4)
        for name in sets
        if name not in WITHOUT_PARTS
        for part, values in with_one_part(name, chosen[name]).items()
    )


def with_one_part(name: str, chosen: dict[str, Values]) -> dict[str, Values]:
    """The chosen values of a side with one part of another kind, and MaskCon with it, where it can have that."""
    maskcon, features, whole = chosen["MaskCon"], chosen["features"], chosen["adaptive, classifier"]
    as_maskcon = {
        **FEATURES,
        "similarity_of": "keys",
        "w": maskcon["w"],
        "soft_temperature": maskcon["soft_temperature"],
    }
    # As many images encoded as queries and as keys, and as many steps: half the images, half the times.
    both_views = {"both_views": True, "train.batch_size": 64, "train.epochs": EPOCHS[name] // 2}
    parts = {
        "MaskCon, classifier": {**as_maskcon, "classifier_share": 0.8},
        "features, classifier": {**features, "classifier_share": 0.8},
        "classifier alone (CoIns)": {"name": "coins", "w": 0.8},
        "adaptive, classifier, of keys": {**whole, "similarity_of": "keys"},
        "adaptive, classifier, both views": {**whole, **both_views},
    }
    if name == "two_digits":
        soft = features["soft_temperature"]
        parts |= {
            "MaskCon, both views": {**as_maskcon, **both_views},
            "features and keys": {**features, "similarity_of": "both"},
            "features of every resolution": {**features, "similarity_of": "layers"},
            "features, own older keys no positives": {**features, "older_own_keys": "no positives"},
            "features, temperature falling": {
                **features,
                "soft_temperature": 2 * soft,
                "soft_temperature_end": soft / 2,
            },
            "features, temperature rising": {
                **features,
                "soft_temperature": soft / 2,
                "soft_temperature_end": 2 * soft,
            },
            "features, mixup": {**features, "mixup": {"weight": 0.5, "beta": 2.0}},
            "features, chosen negatives": {**features, "negatives": {"margin": 0.5, "warmup_share": 0.1}},
            "labels refined, masked (SANE)": {"name": "sane", "mask_by_coarse": True, "temperature": 0.1},
        }
    return parts


class Record:
    """Rows of one CSV file, one for each training; what is there is not trained again."""

    def __init__(self, path: Path, pool: ProcessPoolExecutor | None = None):
        self.path = path
        self.pool = pool
        self.rows = pd.read_csv(path).to_dict("records") if path.exists() else []

    def run(self, trials: Iterable[Trial]) -> None:
        missing = [trial for trial in trials if not any(trial.key().items() <= row.items() for row in self.rows)]
        if not missing:
            return
        for trial, scores in zip(missing, self.pool.map(train_and_score, missing), strict=True):
            self.rows.append({**trial.key(), **scores})
            write_table(self.path, self.rows)
            print(time.strftime("%H:%M:%S"), self.rows[-1], flush=True)

    def best(self, name: str, side: str) -> Values:
        """Of the values tried those with the highest Recall@1 on validation; of equal ones the first."""
        validated = [row for row in self.rows if (row["set"], row["split"]) == (name, "val")]
        recall = {row["values"]: row["recall_at_1"] for row in validated}
        return max(TRIED[name][side], key=lambda values: recall[json.dumps(values)])


class ScoringWatcher(SilentWatcher):
    """Scores the encoder as it was at every snapshot."""

    def __init__(self, score: Callable[[Encoder], float]):
        self.score = score
        self.over_epochs: dict[int, float] = {}

    def snapshot(self, epoch: int, encoder: Encoder) -> None:
        self.over_epochs[epoch] = self.score(copy.deepcopy(encoder))


def train_and_score(trial: Trial) -> dict[str, float]:
    torch.set_num_threads(1)
    name, _, values, seed, split = trial
    parameters = parameters_of(name, values, seed)
    folder = Path("data/sets") / parameters.data.name
    asked = read_labelled_set(folder / split)

    def recall_at_1(encoder: Encoder) -> float:
        features = torch.from_numpy(embed(encoder.eval(), asked.images, parameters.data.channels, "cpu"))
        return round(float(query_scores(features, asked.coarse, asked.fine, [1], False)["recall_at_1"].mean()), 5)

    training_set = read_training_set(folder / "train")
    if name.startswith("cifartoy"):  # both groupings of the same photos
        coarse_of = coarse_of_fine(Path(parameters.data.coarse_map))
        labelled = read_labelled_set(folder / "train")
        names = sorted(set(coarse_of.values()))
        coarse = np.array([names.index(coarse_of[fine]) for fine in labelled.fine_name])
        training_set = replace(training_set, coarse=coarse, coarse_names=names)
    started = time.monotonic()
    with TemporaryDirectory() as scratch:
        checkpoints = Checkpoints(Path(scratch))
        watcher = ScoringWatcher(recall_at_1)
        encoder = train(training_set, parameters, torch.device("cpu"), checkpoints, watcher).encoder
    scores = {"recall_at_1": recall_at_1(encoder), "seconds": round(time.monotonic() - started, 1)}
    if name in SCORED_ON_THE_WAY:
        scores["over_epochs"] = json.dumps(watcher.over_epochs)
    return scores


def parameters_of(name: str, values: Values, seed: int) -> Parameters:
    choices = ["data=two_digits"]
    if name.startswith("cifartoy"):
        choices = ["recipe=cifartoy_short", f"data.coarse_map=coarse_labels/maps/{name}.csv"]
    if values["name"] == "adaptive_maskcon":
        values = {"classifier_share": 0.0, **values}  # a row names the parts it has, the preset has some more
    values = {"train.epochs": EPOCHS[name], "train.snapshot_epochs": SCORED_ON_THE_WAY.get(name, 0), **values}
    choices += [f"seed={seed}", f"loss={values.pop('name')}"]
    return composed([*choices, *(_as_choice(key, value) for key, value in values.items())])


def _as_choice(name: str, value: Any) -> str:
    """As a person types it: a value of the loss unless another group is named."""
    if isinstance(value, dict):
        value = "{" + ", ".join(f"{key}: {each}" for key, each in value.items()) + "}"
    return f"{name if '.' in name else f'loss.{name}'}={'null' if value is None else value}"


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


def draw_curves(rows: pd.DataFrame, path: Path) -> None:
    """Recall@1 on test over epochs: the mean over seeds, and the range of them."""
    figure = Figure(figsize=(4.5, 3), layout="constrained")
    axis = figure.subplots()
    for side, runs in rows.groupby("side", sort=False):
        style = method_style(json.loads(runs["values"].iloc[0])["name"])
        curves = 100 * pd.DataFrame([json.loads(text) for text in runs["over_epochs"]])
        epochs = curves.columns.astype(int)
        axis.plot(epochs, curves.mean(), color=style.colour, linestyle=style.dashes, marker=style.marker, label=side)
        axis.fill_between(epochs, curves.min(), curves.max(), color=style.colour, alpha=0.2, linewidth=0)
    axis.set(xlabel="epoch", ylabel="Recall@1")
    axis.legend(frameon=False, loc="lower right")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def draw_map(rows: pd.DataFrame, path: Path) -> None:
    """Recall@1 on validation over w and how soft the labels are: a panel for each side."""
    rows = rows[rows["split"] == "val"]
    values = pd.DataFrame([json.loads(text) for text in rows["values"]], index=rows.index)
    values = values.assign(recall=100 * rows["recall_at_1"])
    titles = {
        "MaskCon": ("soft_temperature", "labels from keys: MaskCon"),
        "features": ("soft_temperature", "labels from features"),
        "adaptive": ("positive_share", "and a temperature for each image"),
        "adaptive, classifier": ("positive_share", "and a classifier"),
    }
    titles = {side: title for side, title in titles.items() if side in set(rows["side"])}
    figure = Figure(figsize=(3.4 * len(titles), 2.6), layout="constrained")
    lowest, highest = values["recall"].min(), values["recall"].max()
    for axis, (side, (setting, title)) in zip(figure.subplots(1, len(titles)), titles.items(), strict=True):
        table = values[rows["side"] == side].pivot(index="w", columns=setting, values="recall")
        axis.imshow(table, vmin=lowest, vmax=highest, cmap="viridis", aspect="auto", origin="lower")
        for i, row in enumerate(table.to_numpy()):
            for j, value in enumerate(row):
                light = value > (lowest + highest) / 2
                axis.text(j, i, f"{value:.1f}", ha="center", va="center", color="black" if light else "white")
        axis.set_xticks(range(len(table.columns)), [f"{each:g}" for each in table.columns])
        axis.set_yticks(range(len(table.index)), [f"{each:g}" for each in table.index])
        axis.set_title(title, fontsize="medium")
        axis.set(xlabel=setting.replace("_", " "), ylabel="w")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    with mistakes_end_as_sentences():
        main()

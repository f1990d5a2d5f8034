"""The methods side by side on one data set: values chosen on validation, then scored on test over several seeds.

    python -m benchmarks.methods --data two_digits --seeds 5
    python -m benchmarks.methods --methods wcl sane --seeds 3        # these rows of the table alone

Every method gets the same encoder, recipe and number of values tried (one seed each); the chosen values are then
trained with seeds that took no part in the choice. Writes every run as a row to methods_DATA.csv in benchmarks/results/
and the table to methods_DATA.md beside it. Trainings run side by side, one thread each.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch

from maskcon.embedding.features import embed, raw_pixels
from maskcon.evaluation.measures.shared.feature_measures import Part, feature_measures, parts_needed
from maskcon.evaluation.retrieval.metrics import query_scores
from maskcon.images.packed.image_set import read_labelled_set, read_training_set
from maskcon.methods.parts.interface import build_method
from maskcon.parameters.composition import compose
from maskcon.parameters.errors import mistakes_end_as_sentences
from maskcon.parameters.model import Parameters, load_parameters
from maskcon.runtime.atomic_files import write_json, write_table, write_text
from maskcon.runtime.run_key import hash_of_inputs
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import SilentWatcher, build_learner, train

RESULTS = Path("benchmarks/results")
UNTRAINED = ("raw pixels", "untrained")
CHOOSING_SEED = 0  # the seeds of the table begin at 1
METRICS = {
    "recall_at_1": "Recall@1",
    "recall_at_10": "Recall@10",
    "mean_average_precision_at_r": "mAP@R",
    "coarse_recall_at_1": "coarse R@1",
    "knn_fine_top_1": "kNN top-1",
    "linear_fine_top_1": "linear top-1",
}
MEASURES = ["knn", "linear"]

TEMPERATURES = [{"temperature": value} for value in (0.05, 0.1, 0.2, 0.3)]
VALUES_TRIED: dict[str, list[dict[str, Any]]] = {  # four for each method
    "selfcon": TEMPERATURES,
    "supcon": TEMPERATURES,
    "coins": [{"w": w} for w in (0.1, 0.3, 0.5, 0.7)],
    "grafit": [{"w": w} for w in (0.3, 0.5, 0.7, 0.9)],
    "maskcon": [{"w": 1.0, "soft_temperature": soft} for soft in (0.05, 0.1, 0.15)]
    + [{"w": 0.8, "soft_temperature": 0.1}],
    "ascl": [{"mask_by_coarse": mask, "soft_temperature": soft} for mask in (False, True) for soft in (0.05, 0.1)],
    "sane": [{"mask_by_coarse": mask, "temperature": value} for mask in (False, True) for value in (0.1, 0.2)],
    "potential": [{"mask_by_coarse": mask, "mined": mined} for mask in (False, True) for mined in (5, 20)],
    "wcl": [{"mask_by_coarse": mask, "graph_weight": weight} for mask in (False, True) for weight in (0.5, 1.0)],
    "ancor": [{"temperature": value} for value in (0.1, 0.2, 0.3, 0.5)],
    "bucsfr": [{"w": w, "merge_threshold": threshold} for w in (0.3, 0.5) for threshold in (1.35, 1.5)],
}
LETTERS = {"soft_temperature": "T", "mask_by_coarse": "masked by coarse", "graph_weight": "graph weight"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="two_digits", help="preset of conf/data, packed by: dvc repro coarse")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each method that are scored on test")
    parser.add_argument("--methods", nargs="+", default=list(VALUES_TRIED), choices=list(VALUES_TRIED))
    parser.add_argument("--processes", type=int, default=2, help="trainings at once")
    arguments = parser.parse_args()

    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        choosing = [
            (arguments.data, method, values, CHOOSING_SEED, "val")
            for method in arguments.methods
            for values in VALUES_TRIED[method]
        ]
        rows = list(_shown(pool.map(run, choosing), len(choosing)))
        chosen = {method: best_values(rows, method) for method in arguments.methods}
        scoring = [
            (arguments.data, method, values, seed, "test")
            for seed in range(1, arguments.seeds + 1)
            for method, values in chosen.items()
        ]
        rows += _shown(pool.map(run, scoring), len(scoring))

    rows = [*baselines(arguments.data, range(1, arguments.seeds + 1)), *rows]
    table = with_rows_of_other_methods(pd.DataFrame(rows), RESULTS / f"methods_{arguments.data}.csv")
    write_table(RESULTS / f"methods_{arguments.data}.csv", table.to_dict("records"))
    text = as_markdown(table)
    write_text(RESULTS / f"methods_{arguments.data}.md", text)
    print(text)


def with_rows_of_other_methods(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows just measured in place of the table's rows of the same methods; other methods keep theirs.

    What needs no training has no values that could have changed: there only rows of the same seeds are replaced.
    """
    if path.exists():
        kept = pd.read_csv(path)
        measured = kept["method"].isin(rows["method"])
        seeds = rows.loc[rows["method"].isin(UNTRAINED), "seed"]
        other_seed = kept["method"].isin(UNTRAINED) & ~kept["seed"].isin(seeds)
        rows = pd.concat([rows, kept[~measured | other_seed]])
    order = [*UNTRAINED, *VALUES_TRIED]
    return rows.sort_values("method", key=lambda methods: methods.map(order.index), kind="stable")


def run(trial: tuple[str, str, dict[str, Any], int, str]) -> dict[str, Any]:
    """Train once, and score the final weights on one part; a study cut short takes up what it has measured."""
    data, method, values, seed, split = trial
    torch.set_num_threads(1)
    parameters = composed([*_setting(data, split, seed), f"loss={method}", *_as_choices(values)])
    done = Path(".scratch/methods") / f"{hash_of_inputs(Path.cwd(), parameters)}.json"  # of code and parameters
    if done.exists():
        return json.loads(done.read_text())
    row = _train_and_score(data, method, values, seed, split, parameters)
    write_json(done, row)
    return row


def _train_and_score(
    data: str, method: str, values: dict[str, Any], seed: int, split: str, parameters: Parameters
) -> dict[str, Any]:
    folder = Path("data/sets") / data
    started = time.monotonic()
    with TemporaryDirectory() as scratch:
        trained = train(
            read_training_set(folder / "train"),
            parameters,
            torch.device("cpu"),
            Checkpoints(Path(scratch)),
            SilentWatcher(),
        )
    seconds = time.monotonic() - started
    scores = score(trained.encoder.eval(), folder, split, parameters)
    return {"method": method, "values": json.dumps(values), "seed": seed, "split": split, **scores, "seconds": seconds}


def baselines(data: str, seeds: range) -> Iterator[dict[str, Any]]:
    """What needs no training: raw pixels, and the encoder before its first step."""
    folder = Path("data/sets") / data
    for seed in seeds:
        parameters = composed(_setting(data, "test", seed))
        untrained = build_learner(parameters, coarse_classes=2, device=torch.device("cpu")).query_network.encoder.eval()
        scores = score(untrained, folder, "test", parameters)
        yield {"method": "untrained", "values": "{}", "seed": seed, "split": "test", **scores, "seconds": 0.0}
    scores = score(None, folder, "test", parameters)
    yield {"method": "raw pixels", "values": "{}", "seed": 0, "split": "test", **scores, "seconds": 0.0}


def score(
    encoder: Any, folder: Path, split: str, parameters: Parameters, names: Iterable[str] = tuple(METRICS)
) -> dict[str, float]:
    """The metrics of an encoder, or of raw pixels where it is None, on one part of a set."""
    channels = parameters.data.channels
    parts = {}
    for name in parts_needed(parameters.evaluate):
        labelled = read_labelled_set(folder / name)
        images = labelled.images
        features = raw_pixels(images, channels) if encoder is None else embed(encoder, images, channels, "cpu")
        parts[name] = Part(torch.from_numpy(features), labelled.coarse, labelled.fine)
    asked = parts[split]
    scores = query_scores(asked.features, asked.coarse, asked.fine, [1, 10])
    metrics = {name: float(values.mean()) for name, values in scores.items()}
    metrics |= feature_measures(parts, parameters.evaluate, parameters.seed)
    return {name: float(metrics[name]) for name in names}


def best_values(rows: list[dict[str, Any]], method: str) -> dict[str, float]:
    """The values with the highest fine Recall@1 on the validation part; of equal ones the first tried."""
    tried = [row for row in rows if row["method"] == method]
    return json.loads(max(tried, key=lambda row: row["recall_at_1"])["values"])


def composed(choices: list[str]) -> Parameters:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(compose(Path("conf"), choices))
        return load_parameters(path)


def as_markdown(rows: pd.DataFrame) -> str:
    """A row a method: mean and standard deviation over seeds on test, in percent."""
    lines = []
    for method, runs in rows[rows["split"] == "test"].groupby("method", sort=False):
        cells = {"method": _title(method), "values": _values_in_words(json.loads(runs["values"].iloc[0]))}
        for name, title in METRICS.items():
            percent = 100 * runs[name].to_numpy()
            spread = f" ± {np.std(percent, ddof=1):.1f}" if len(percent) > 1 else ""
            cells[title] = f"{percent.mean():.1f}{spread}"
        cells["n"] = str(len(runs))
        lines.append(cells)
    order = pd.DataFrame(lines)
    return order.to_markdown(index=False, disable_numparse=True) + "\n"


def _title(method: str) -> str:
    if method not in VALUES_TRIED:
        return method
    return build_method(composed([f"loss={method}"]).loss).title


def _values_in_words(values: dict[str, float]) -> str:
    words = []
    for name, value in values.items():
        name = LETTERS.get(name, name.replace("_", " "))
        words.append((name if value else f"not {name}") if isinstance(value, bool) else f"{name} {value:g}")
    return ", ".join(words)


def _setting(data: str, split: str, seed: int) -> list[str]:
    return [f"data={data}", f"seed={seed}", f"evaluate.split={split}", f"evaluate.measures=[{','.join(MEASURES)}]"]


def _as_choices(values: dict[str, float]) -> list[str]:
    return [f"loss.{name}={str(value).lower()}" for name, value in values.items()]


def _shown(rows: Iterator[dict[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    """Pass rows on, a line for each, so that a long study shows where it is."""
    for number, row in enumerate(rows, 1):
        what = f"{row['method']} {row['values']} seed {row['seed']}"
        print(
            f"[{number}/{total}] {what}: {row['split']} Recall@1 {row['recall_at_1']:.3f}, {row['seconds']:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        yield row


if __name__ == "__main__":
    with mistakes_end_as_sentences():
        main()

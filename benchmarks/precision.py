"""Training in bfloat16 beside training in float32: the same images, recipe and seeds, scored on the test part.

    dvc repro coarse && python -m benchmarks.precision
    python -m benchmarks.precision --title "CIFAR-10 (JPEG)" --seeds 1 data=folder data.root=/whole/path train.epochs=5

Words behind the options are choices among the presets of conf/, as ``make params`` takes them; the set they name must
have been packed (dvc repro coarse). Each seed begins both ways from the same weights and sees the same views, so the
difference of a pair is what precision does. Features are extracted in float32 both times. Writes every run as a row to
precision.csv in benchmarks/results/ and the table to precision.md beside it; rows of other titles stay. A study cut
short takes up what it has measured.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch

from benchmarks.methods import RESULTS, composed, score
from maskcon.images.packed.image_set import read_training_set
from maskcon.parameters.errors import mistakes_end_as_sentences
from maskcon.runtime.atomic_files import write_json, write_table, write_text
from maskcon.runtime.run_key import hash_of_inputs
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import SilentWatcher, train

PRECISIONS = ("float32", "bfloat16")
METRICS = {
    "recall_at_1": "Recall@1",
    "recall_at_10": "Recall@10",
    "mean_average_precision_at_r": "mAP@R",
    "coarse_recall_at_1": "coarse R@1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("choices", nargs="*", help="presets and values, such as data=digits train.epochs=10")
    parser.add_argument("--title", default="two_digits", help="what the table calls the setting")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2, help="trainings at once, one thread each")
    arguments = parser.parse_args()

    trials = [
        (arguments.title, arguments.choices, seed, precision)
        for seed in range(1, arguments.seeds + 1)
        for precision in PRECISIONS
    ]
    rows = []
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        for row in pool.map(run, trials):
            rows.append(row)
            told = f"{row['title']} seed {row['seed']} {row['precision']}: Recall@1 {row['recall_at_1']:.4f}"
            print(f"[{len(rows)}/{len(trials)}] {told}, {row['seconds']:.0f} s", file=sys.stderr, flush=True)

    path = RESULTS / "precision.csv"
    if path.exists():
        kept = pd.read_csv(path)
        rows = [*kept[kept["title"] != arguments.title].to_dict("records"), *rows]
    write_table(path, rows)
    text = as_markdown(pd.DataFrame(rows))
    write_text(path.with_suffix(".md"), text)
    print(text)


def run(trial: tuple[str, list[str], int, str]) -> dict[str, Any]:
    """Train once and score the final weights."""
    title, choices, seed, precision = trial
    torch.set_num_threads(1)
    parameters = composed(
        [*choices, f"seed={seed}", f"train.precision={precision}", "evaluate.split=test", "evaluate.measures=[]"]
    )
    done = Path(".scratch/precision") / f"{hash_of_inputs(Path.cwd(), parameters)}.json"
    if done.exists():
        return json.loads(done.read_text()) | {"title": title}
    folder = Path("data/sets") / parameters.data.name
    training_set = read_training_set(folder / "train")
    started = time.monotonic()
    with TemporaryDirectory() as scratch:
        trained = train(training_set, parameters, torch.device("cpu"), Checkpoints(Path(scratch)), SilentWatcher())
    row = {
        "title": title,
        "method": parameters.loss.name,
        "backbone": parameters.model.backbone,
        "images": len(training_set.images),
        "epochs": parameters.train.epochs,
        "seed": seed,
        "precision": precision,
        **score(trained.encoder.eval(), folder, "test", parameters, METRICS),
        "loss": trained.curve[-1]["loss"],
        "seconds": time.monotonic() - started,
    }
    write_json(done, row)
    return row


def as_markdown(rows: pd.DataFrame) -> str:
    """A row a setting and metric, in percent: mean ± standard deviation over seeds, and of the paired differences."""
    lines = []
    for title, runs in rows.groupby("title", sort=False):
        for name, metric in METRICS.items():
            percent = 100 * runs.pivot(index="seed", columns="precision", values=name)
            difference = percent["bfloat16"] - percent["float32"]
            first = runs.iloc[0]
            lines.append(
                {
                    "setting": f"{title}: {first['method']}, {first['backbone']}, {first['epochs']} epochs",
                    "metric": metric,
                    **{precision: _mean_and_spread(percent[precision], "") for precision in PRECISIONS},
                    "bfloat16 - float32": _mean_and_spread(difference, "+"),
                    "n": str(len(percent)),
                }
            )
    return pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True) + "\n"


def _mean_and_spread(values: pd.Series, sign: str) -> str:
    spread = f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else ""
    return f"{values.mean():{sign}.2f}{spread}"


if __name__ == "__main__":
    with mistakes_end_as_sentences():
        main()

"""What the number of threads changes: the same training on one thread and on more, each twice.

    dvc repro coarse && python -m benchmarks.thread_counts
    python -m benchmarks.thread_counts --threads 1 2 --epochs 30 --seeds 3

Threads divide sums in other places, which moves the last digits of weights; steps carry that on. Prints, and writes to
thread_counts.csv in benchmarks/results/, whether two trainings on one number of threads end with the same bits, and how
far those on different numbers lie apart: in the first epoch's loss, and in Recall@1 of the test part.
"""

import argparse
import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch

from benchmarks.methods import RESULTS, composed, score
from maskcon.images.packed.image_set import read_training_set
from maskcon.parameters.errors import mistakes_end_as_sentences
from maskcon.runtime.atomic_files import write_table
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import SilentWatcher, train

METRICS = {"recall_at_1": "Recall@1", "coarse_recall_at_1": "coarse R@1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()

    rows = []
    for seed in range(1, arguments.seeds + 1):
        for threads in arguments.threads:
            for repeat in (1, 2) if seed == 1 else (1,):
                rows.append({"threads": threads, "seed": seed, "repeat": repeat} | run(threads, seed, arguments.epochs))
                print(" ".join(f"{name}={value}" for name, value in rows[-1].items()), flush=True)
    write_table(RESULTS / "thread_counts.csv", rows)
    print(summary(pd.DataFrame(rows)))


def run(threads: int, seed: int, epochs: int) -> dict[str, Any]:
    torch.set_num_threads(threads)
    parameters = composed([f"seed={seed}", f"train.epochs={epochs}", "evaluate.split=test", "evaluate.measures=[]"])
    folder = Path("data/sets") / parameters.data.name
    with TemporaryDirectory() as scratch:
        training_set = read_training_set(folder / "train")
        trained = train(training_set, parameters, torch.device("cpu"), Checkpoints(Path(scratch)), SilentWatcher())
    weights = hashlib.sha256()
    for value in trained.encoder.state_dict().values():
        weights.update(value.numpy().tobytes())
    return {
        "weights": weights.hexdigest()[:12],
        "first_loss": trained.curve[0]["loss"],
        "last_loss": trained.curve[-1]["loss"],
        **score(trained.encoder.eval(), folder, "test", parameters, METRICS),
    }


def summary(rows: pd.DataFrame) -> str:
    repeated = rows[rows["seed"] == 1].groupby("threads")["weights"].nunique()
    lines = [f"{threads} threads, twice: {'the same' if n == 1 else 'other'} bits" for threads, n in repeated.items()]
    first = rows[rows["repeat"] == 1]
    for column in ("first_loss", "last_loss", "recall_at_1"):
        by_seed = first.pivot(index="seed", columns="threads", values=column)
        apart = by_seed.max(axis=1) - by_seed.min(axis=1)
        over_seeds = by_seed.iloc[:, 0].std(ddof=1)
        lines.append(f"{column}: at most {apart.max():.2g} apart; deviation over {len(by_seed)} seeds {over_seeds:.2g}")
    return "\n".join(lines)


if __name__ == "__main__":
    with mistakes_end_as_sentences():
        main()

"""In the place of a stage: writes files of the form that the real stage writes, with values that follow from the seed.

Copied to stages/NAME.py for every stage but track; DVC says by DVC_STAGE which it is.
"""

import json
import os
from pathlib import Path

from maskcon.atomic_files import write_json, write_table, write_text
from maskcon.parameters import Parameters
from maskcon.randomness import numpy_generator
from maskcon.tracking.live import follow
from stages.entry import run_stage


def download(parameters: Parameters) -> None:
    write_text(Path("data/raw", parameters.data.name, "source"), "scans")


def coarse(parameters: Parameters) -> None:
    for split in ("train", "val", "test"):
        write_text(Path("data/sets", parameters.data.name, split, "labels.csv"), split)


def pretrain(parameters: Parameters) -> None:
    curve = Path(".scratch/curve.csv")
    curve.unlink(missing_ok=True)
    numbers = numpy_generator(parameters.seed, "stub").random(parameters.train.epochs).tolist()
    rows = [
        {"epoch": epoch, "loss": number, "learning_rate": 0.1, "images_per_second": 1000.0, "seconds": 0.5}
        for epoch, number in enumerate(numbers, 1)
    ]
    with follow(curve, Path.cwd(), parameters.track.live):
        for epoch in range(1, len(rows) + 1):
            write_table(curve, rows[:epoch])
    write_table(Path("plots/pretrain.csv"), rows)
    for name in ("encoder.pt", "untrained.pt", "snapshots/epoch_0001.pt"):
        write_text(Path("models", name), json.dumps(numbers))
    timing = {"seconds": 0.5 * len(rows), "images_per_second": 1000.0}
    write_json(Path("metrics/pretrain.json"), {"loss": numbers[-1], "epochs": len(rows), "timing": timing})


def embed(parameters: Parameters) -> None:
    write_text(Path("embeddings/test/encoder.npy"), Path("models/encoder.pt").read_text())


def evaluate(parameters: Parameters) -> None:
    recall = json.loads(Path("embeddings/test/encoder.npy").read_text())[0]
    baseline = {"recall_at_1": recall / 2}
    metrics = {"recall_at_1": recall, "images": parameters.data.images.test, "untrained": baseline, "pixels": baseline}
    write_json(Path("metrics/retrieval.json"), {"recall_at_1": recall})
    write_json(Path("metrics/retrieval_in_full.json"), metrics)
    for name in ("recall_at_k", "recall_by_coarse_class", "recall_over_epochs"):
        write_table(Path(f"plots/{name}.csv"), [{"epoch": epoch, "recall_at_1": recall} for epoch in (0, 1)])


def figures(parameters: Parameters) -> None:
    for name in ("embedding_map", "retrieved_images"):
        write_text(Path(f"reports/figures/{name}.png"), str(parameters.figures.neighbours))


def report(parameters: Parameters) -> None:
    write_text(Path("reports/report.pdf"), Path("metrics/retrieval_in_full.json").read_text())


def main(parameters: Parameters) -> None:
    globals()[os.environ["DVC_STAGE"]](parameters)


if __name__ == "__main__":
    run_stage(main)

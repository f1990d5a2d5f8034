"""What ``make repro`` prints at the end: the Recall@K table, and where everything is. Not a stage."""

import json
import os
from pathlib import Path
from typing import Any

from tabulate import tabulate

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters
from maskcon.runtime.entry import run_stage
from maskcon.tracking.store import find_store

METRICS = Path("metrics/retrieval_in_full.json")
PLACES = {"Report": "reports/report.pdf", "Figures": "reports/figures/", "Metrics": "metrics/retrieval.json"}
RECALL = "recall_at_"
COARSE_RECALL = "coarse_recall_at_1"


def main(parameters: Parameters) -> None:
    try:
        metrics = json.loads(METRICS.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{METRICS} cannot be read ({error}); make it with: dvc repro") from None
    print(
        f"\n{parameters.data.name}, {parameters.evaluate.split} part, {parameters.loss.name}, seed {parameters.seed}\n"
    )
    print(recall_table(metrics))
    print()
    uri = find_store(Path(os.environ.get("DVC_ROOT") or "."), os.environ).uri
    for name, place in {**PLACES, "Tracking": f"{uri} (open it with: make ui)"}.items():
        print(f"{name + ':':<10} {place}")


def recall_table(metrics: dict[str, Any]) -> str:
    """A row for each kind of features, a column for each K; without fine labels the coarse Recall@1 alone."""
    kinds = {"trained": metrics, "untrained": metrics["untrained"], "raw pixels": metrics["pixels"]}
    names = [name for name in metrics if name.startswith(RECALL) or name == COARSE_RECALL]
    rows = [[kind, *(values.get(name) for name in names)] for kind, values in kinds.items()]
    return tabulate(rows, headers=["", *map(_heading, names)], floatfmt=".3f")


def _heading(name: str) -> str:
    return "coarse R@1" if name == COARSE_RECALL else f"R@{name.removeprefix(RECALL)}"


if __name__ == "__main__":
    run_stage(main)

"""Print this folder's Recall@K and where its results are."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from maskcon.parameters.errors import UserError

METRICS = Path("metrics/retrieval_in_full.json")
PLACES = {
    "Report": "reports/report.pdf",
    "Gallery": "reports/gallery.html",
    "Figures": "reports/figures/",
    "Metrics": "metrics/retrieval.json",
}
RECALL = "recall_at_"
WITHOUT_FINE_LABELS = {"coarse_recall_at_1": "coarse R@1", "view_retrieval": "view finds view"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def main(arguments: argparse.Namespace) -> None:
    from maskcon.parameters.model import load_parameters
    from maskcon.tracking.store import find_store

    parameters = load_parameters(Path("params.yaml"))
    try:
        metrics = json.loads(METRICS.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{METRICS} cannot be read ({error}); make it with: dvc repro") from None
    print(f"\n{parameters.data.name}, {parameters.evaluate.split} part, {parameters.loss.name}, seed {parameters.seed}")
    print(f"\n{recall_table(metrics, parameters.model.before_training)}\n")
    gain = metrics["gain"]
    if gain["high"] < 0:
        print(f"Training lost {-100 * gain['mean']:.1f} points of Recall@1: use {gain['instead']}, or other values.\n")
    uri = find_store(Path(os.environ.get("DVC_ROOT") or "."), os.environ).uri
    for name, place in {**PLACES, "Tracking": f"{uri} (open it with: make ui)"}.items():
        print(f"{name + ':':<10} {place}")


def recall_table(metrics: dict[str, Any], before_training: str = "untrained") -> str:
    """One row per kind of features, one column per K; without fine labels what can be said then."""
    from tabulate import tabulate

    titles = {"whitened": f"{before_training}, whitened", "untrained": before_training, "pixels": "raw pixels"}
    kinds = {"trained": metrics} | {title: metrics[name] for name, title in titles.items() if name in metrics}
    shared = [name for name in metrics if all(name in values for values in kinds.values())]
    names = [name for name in shared if name.startswith(RECALL) or name in WITHOUT_FINE_LABELS]
    headers = [WITHOUT_FINE_LABELS.get(name) or f"R@{name.removeprefix(RECALL)}" for name in names]
    rows = [[kind, *(_percent(values.get(name)) for name in names)] for kind, values in kinds.items()]
    columns = ("left", *("right" for _ in names))
    return tabulate(rows, headers=["", *headers], disable_numparse=True, colalign=columns)


def _percent(share: float | None) -> str:
    """As the report has it."""
    return "" if share is None else f"{100 * share:.1f}%"

"""What the stages left on disk, read as the numbers and files that a run records.

outcome = read_outcome(checkout, parameters.evaluate.measures)
outcome.metrics["recall_at_1"], outcome.curves, outcome.artifacts
"""

import csv
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from maskcon.parameters.errors import UserError
from maskcon.parameters.flattened import flattened
from maskcon.report.measures import FOLDER, file_of, measures_together

TRAINING_CURVE = "plots/pretrain.csv"
RECALL_CURVE = "plots/recall_over_epochs.csv"
TRAINING, RECALL = "pretrain", "recall_over_epochs"  # what the curves are grouped under
RETRIEVAL = "metrics/retrieval_in_full.json"
PRETRAINING = "metrics/pretrain.json"
# What nobody compares, the intervals of baselines and what the training was, is in the files of metrics/ alone.
NOT_COMPARED = re.compile(r"\w+\.interval\.|pretrain\.(?!loss|timing)")
ARTIFACTS = (
    "metrics",
    "plots",
    "reports/figures",
    "reports/report.pdf",
    "reports/gallery.html",
    "params.yaml",
    "dvc.yaml",
    "dvc.lock",
)


class Point(NamedTuple):
    """One value of a curve."""

    name: str  # such as pretrain/loss: MLflow groups charts by what stands before the slash
    epoch: int
    value: float
    seconds: float  # from the start of training to the end of that epoch


@dataclass(frozen=True)
class Outcome:
    """All that is known of a finished run."""

    metrics: dict[str, float]  # recall_at_1, interval.recall_at_1.low, untrained.recall_at_1, pretrain.loss, ...
    texts: dict[str, str]  # values that are not numbers, such as pretrain.device
    curves: list[Point]
    artifacts: list[Path]  # files, relative to the checkout
    digest: str  # of the retrieval metrics: two runs of the same inputs should agree


def read_outcome(checkout: Path, measures: Sequence[str]) -> Outcome:
    """Read the files of the stages before track, of stage measure those of ``measures`` alone.

    Raises:
        UserError: one of them is missing or damaged.
    """
    try:
        retrieval = (checkout / RETRIEVAL).read_bytes()
        measured = measures_together(json.loads(_read(checkout / file_of(name))) for name in measures)
        values = flattened(json.loads(retrieval)) | flattened(measured)
        values |= flattened({"pretrain": json.loads(_read(checkout / PRETRAINING))})
        training = curve_points(checkout / TRAINING_CURVE, TRAINING)
        times = {point.epoch: point.seconds for point in training}
        recall = curve_points(checkout / RECALL_CURVE, RECALL, times)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"the results cannot be read ({reason}); make them again with: dvc repro") from None
    numbers = {
        name: float(value) for name, value in values.items() if _is_number(value) and not NOT_COMPARED.match(name)
    }
    texts = {name: str(value) for name, value in values.items() if isinstance(value, str | bool)}
    left_over = set(_files(checkout / FOLDER)) - {
        checkout / FOLDER / f"{name}{end}" for name in measures for end in (".json", "_in_full.json")
    }
    files = [file for name in ARTIFACTS for file in _files(checkout / name) if file not in left_over]
    return Outcome(
        metrics=numbers,
        texts=texts,
        curves=training + recall,
        artifacts=[file.relative_to(checkout) for file in files],
        digest=hashlib.sha256(retrieval).hexdigest(),
    )


def curve_points(path: Path, group: str, times: Mapping[int, float] | None = None) -> list[Point]:
    """The points of a table with one row per epoch, in order, named group/column; empty cells have none.

    A last line without its end is still being written and is left out. ``times`` are seconds by epoch for a table
    that has no column ``seconds``.

    Raises:
        OSError, ValueError, KeyError: the file is not there, or is not such a table.
    """
    lines = [line for line in _read(path).splitlines(keepends=True) if line.endswith("\n")]
    points, seconds = [], 0.0
    for row in csv.DictReader(lines, strict=True):
        epoch = int(row["epoch"])
        seconds = times.get(epoch, seconds) if times is not None else seconds + float(row["seconds"])
        for column, cell in row.items():
            if column != "epoch" and cell:
                points.append(Point(f"{group}/{column}", epoch, float(cell), seconds))
    return points


def data_digest(checkout: Path, data_name: str) -> str | None:
    """The checksum by which DVC knows the packed set, from dvc.lock; None where the set was not made by DVC."""
    try:
        lock = YAML(typ="safe").load(_read(checkout / "dvc.lock"))
        outs = [out for stage in lock["stages"].values() for out in stage.get("outs", [])]
    except (OSError, KeyError, AttributeError):
        return None
    return next((out.get("md5") for out in outs if out["path"] == f"data/sets/{data_name}"), None)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    return [path] if path.exists() else []

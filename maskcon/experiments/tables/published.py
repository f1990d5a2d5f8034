"""Figures that others have published, beside ours: reports/published.csv.

    figures = read_published(Path("reports/published.csv"))
    figures["grafit", "cifar100", "recall_at_1"]["quoted"].percent

Columns: method (as loss.name), dataset (as data.name), metric (as in metrics/retrieval.json), value in percent, kind,
setting (network, weights, pixels, epoch that was scored) and the source where it was seen. Lines that begin with # are
notes.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from maskcon.parameters.errors import UserError
from maskcon.parameters.plugins import DATA_SETS, METHODS
from maskcon.parameters.sentences import show

COLUMNS = ["method", "dataset", "metric", "value", "kind", "setting", "source"]
QUOTED, REPRODUCED = KINDS = ("quoted", "reproduced")  # printed as the paper's by somebody else; run by somebody else


class Published(NamedTuple):
    percent: float
    setting: str
    source: str


Figures = Mapping[tuple[str, str, str], Mapping[str, Published]]  # by method, data set and metric; then by kind


def read_published(path: Path) -> Figures:
    """Raises: UserError, at the first row that is not as it should be."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); restore it with git") from None
    head, *rows = [line for line in lines if line.strip() and not line.startswith("#")] or [""]
    if next(csv.reader([head])) != COLUMNS:
        raise UserError(f"{path}: the first line that is not a note should be {','.join(COLUMNS)}")
    figures: dict[tuple[str, str, str], dict[str, Published]] = {}
    try:
        for place, kind, figure in map(_figure, rows):
            figures.setdefault(place, {})[kind] = figure
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return figures


def _figure(line: str) -> tuple[tuple[str, str, str], str, Published]:
    """Raises: ValueError."""
    row = show(line)
    try:
        [cells] = csv.reader([line], strict=True)
    except csv.Error as error:  # a quote that is left open, as by a line break in a text
        raise ValueError(f"{row}: {error}; write each row on one line, with a text that has commas in quotes") from None
    try:
        method, dataset, metric, value, kind, setting, source = cells
        percent = float(value)
    except ValueError:
        raise ValueError(f"{row}: it should have {', '.join(COLUMNS)}, with a number as value") from None
    if method not in METHODS or dataset not in DATA_SETS:
        raise ValueError(f"{row}: method should be one of {', '.join(METHODS)}; dataset of {', '.join(DATA_SETS)}")
    if kind not in KINDS:
        raise ValueError(f"{row}: kind should be {' or '.join(KINDS)}")
    if not 0 <= percent <= 100 or not source.strip():
        raise ValueError(f"{row}: value should be from 0 to 100 percent, and source name where it was seen")
    return (method, dataset, metric), kind, Published(percent, setting.strip(), " ".join(source.split()))

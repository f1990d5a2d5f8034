"""Figures that others have published, beside ours: reports/published.csv.

    figures = read_published(Path("reports/published.csv"))
    published_for(figures, method="grafit", dataset="cifar100", metric="recall_at_1")

Columns: method (as loss.name), dataset (as data.name), metric (as in metrics/retrieval.json), value in percent, and the
source where it was seen. Lines that begin with # are notes.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from maskcon.parameters.errors import UserError
from maskcon.parameters.plugins import DATA_SETS, METHODS

COLUMNS = ["method", "dataset", "metric", "value", "source"]


@dataclass(frozen=True)
class Published:
    """One figure with where it was seen."""

    method: str
    dataset: str
    metric: str
    percent: float
    source: str


def read_published(path: Path) -> list[Published]:
    """Raises: UserError, with one line for each row that is not as it should be."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); restore it with git") from None
    head, *rows = [*csv.reader(line for line in lines if line.strip() and not line.startswith("#"))] or [[]]
    if head != COLUMNS:
        raise UserError(f"{path}: the first line that is not a note should be {','.join(COLUMNS)}")
    problems = [f"{path}: {','.join(cells)}: {problem}" for cells in rows if (problem := _problem(cells))]
    keys = [tuple(cells[:3]) for cells in rows]
    problems += [f"{path}: {' '.join(key)} stands there twice; keep one" for key in set(keys) if keys.count(key) > 1]
    if problems:
        raise UserError("\n".join(problems))
    return [Published(*named, percent=float(value), source=" ".join(source.split())) for *named, value, source in rows]


def _problem(cells: list[str]) -> str | None:
    if len(cells) != len(COLUMNS):
        return f"there are {len(cells)} cells, it should have {len(COLUMNS)}: {', '.join(COLUMNS)}"
    method, dataset, metric, value, source = cells
    for name, text, known in (("method", method, METHODS), ("dataset", dataset, DATA_SETS)):
        if text not in known:
            return f"{name}={text} is none of {', '.join(known)}"
    if not metric.strip() or not source.strip():
        return "metric and source should not be empty; a figure is kept only with the place where it was seen"
    try:
        fits = 0 <= float(value) <= 100
    except ValueError:
        fits = False
    return None if fits else f"value={value} should be a number of percent, from 0 to 100"


def published_for(figures: list[Published], method: str, dataset: str, metric: str) -> Published | None:
    """The figure of a method on a data set, or None where none is known."""
    return next((one for one in figures if (one.method, one.dataset, one.metric) == (method, dataset, metric)), None)

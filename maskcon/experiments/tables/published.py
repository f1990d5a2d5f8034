"""Figures that others have published, beside ours: reports/published.csv.

    figures = read_published(Path("reports/published.csv"))
    published_for(figures, method="grafit", dataset="cifar100", metric="recall_at_1")

Columns: method (as loss.name), dataset (as data.name), metric (as in metrics/retrieval.json), value in percent, and the
source where it was seen. Lines that begin with # are notes.
"""

import csv
import math
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
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); restore it with git") from None
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    rows = list(csv.reader(line for _, line in numbered))
    if not rows or rows[0] != COLUMNS:
        raise UserError(f"{path}: the first line that is no note should be {','.join(COLUMNS)}")
    figures, problems = {}, []
    for (number, _), cells in zip(numbered[1:], rows[1:], strict=True):
        problem = _problem(cells)
        key = tuple(cells[:3])
        if problem is None and key in figures:
            problem = f"{' '.join(key)} stands there twice; keep one"
        if problem is not None:
            problems.append(f"{path}, line {number}: {problem}")
        else:
            figures[key] = Published(*key, float(cells[3]), cells[4].strip())
    if problems:
        raise UserError("\n".join(problems))
    return list(figures.values())


def _problem(cells: list[str]) -> str | None:
    if len(cells) != len(COLUMNS):
        return f"there are {len(cells)} cells, it should have {len(COLUMNS)}: {', '.join(COLUMNS)}"
    method, dataset, metric, value, source = cells
    if method not in METHODS:
        return f"method={method} is none of {', '.join(METHODS)}"
    if dataset not in DATA_SETS:
        return f"dataset={dataset} is none of {', '.join(DATA_SETS)}"
    if not metric:
        return "metric is empty; name it as metrics/retrieval.json does, such as recall_at_1"
    try:
        percent = float(value)
    except ValueError:
        percent = math.nan
    if not 0 <= percent <= 100:
        return f"value={value} should be a number of percent, from 0 to 100"
    if not source.strip():
        return "source is empty; a figure is kept only with the place where it was seen"
    return None


def published_for(figures: list[Published], method: str, dataset: str, metric: str) -> Published | None:
    """The figure of a method on a data set, or None where none is known."""
    return next((one for one in figures if (one.method, one.dataset, one.metric) == (method, dataset, metric)), None)

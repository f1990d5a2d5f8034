"""How a table's numbers and names are written, the same in every format; each format only escapes and sets them."""

import json
from collections.abc import Mapping

from maskcon.experiments.tables.comparison import Row, Table, Tried
from maskcon.experiments.tables.statistics import Summary

PLUS_MINUS, MINUS = "±", "\u2212"
METRIC_TITLES = {
    "mean_average_precision_at_r": "mAP@R",
    "coarse_recall_at_1": "coarse Recall@1",
    "knn_fine_top_1": "kNN top-1",
    "linear_fine_top_1": "linear top-1",
    "discovery_accuracy": "fine classes discovered",
}
LETTERS = {"soft_temperature": "T"}
HEADINGS = ("method", "values", "mean ± sd", "95% interval", "n")
OVERVIEW_KEY = "In percent, on the test part: mean and standard deviation over n seeds."
KEY = f"{OVERVIEW_KEY[:-1]}, with the 95% interval of the mean (Student's t over seeds)."
RANKS = (
    "Bold: the highest mean of the methods. Underlined: the second, where the 95% interval of its paired difference to "
    "the highest excludes zero."
)


def metric_title(metric: str) -> str:
    """Recall@10 for recall_at_10."""
    if metric.startswith("recall_at_"):
        return f"Recall@{metric.removeprefix('recall_at_')}"
    return METRIC_TITLES.get(metric, metric.replace("_", " "))


def headings(table: Table) -> list[str]:
    difference = [f"minus {table.baseline}"] if table.baseline else []
    published = ["published"] if _has_published(table) else []
    return [HEADINGS[0], *_axes(table), *HEADINGS[1:], *difference, *published]


def cells(table: Table, row: Row) -> list[str]:
    """The texts of a row, in the order of ``headings``; the one of the mean is at ``mean_column``."""
    difference = [signed(row.difference)] if table.baseline else []
    published = [f"{row.published.percent:.2f}" if row.published else ""] if _has_published(table) else []
    summary = row.summary
    return [
        row.title + row.marks,
        *(row.axis.get(axis, "") for axis in _axes(table)),
        in_words(row.values),
        mean_and_spread(summary),
        interval(summary),
        str(summary.n),
        *difference,
        *published,
    ]


def mean_column(table: Table) -> int:
    return headings(table).index("mean ± sd")


def notes(table: Table) -> list[str]:
    """What stands beneath a table."""
    difference = []
    if table.baseline:
        difference = [
            f"Differences to {table.baseline} are paired by seed, with their 95% interval, in percentage points."
        ]
    return [*shared_notes(table, KEY), *difference, *table.notes]


def shared_notes(table: Table, key: str) -> list[str]:
    """Those that hold for an overview too."""
    sources = dict.fromkeys(row.published.source for row in table.rows if row.published)
    ranks = [RANKS] if any(row.best for row in table.rows) else []
    return [key, *ranks, *(f"Published: {source}." for source in sources)]


def tried_heading(table: Table) -> str:
    if all(score is None for tried in table.tried for score in tried.scores):
        return "Values tried on another data set of the grid, on its validation part, one run each:"
    return f"Values tried, with their {metric_title(table.metric)} on the validation part in percent, one run each:"


def tried_in_words(tried: Tried, metric: str) -> str:
    """Grafit: w 0.2 (41.0), w 0.5 (42.3); chosen w 0.5."""
    each = [
        in_words(values) + ("" if score is None else f" ({percent(score)})")
        for values, score in zip(tried.values, tried.scores, strict=True)
    ]
    return f"{tried.title}: {', '.join(each)}; chosen {in_words(tried.chosen)}"


def in_words(values: Mapping[str, object]) -> str:
    """w 0.5, T 0.1."""
    words = []
    for name, value in values.items():
        name = LETTERS.get(name, name.replace("_", " "))
        words.append(f"{name} {value}" if isinstance(value, str) else f"{name} {json.dumps(value)}")
    return ", ".join(words)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def mean_and_spread(summary: Summary) -> str:
    """61.2 ± 0.8"""
    spread = "" if summary.sd is None else f" {PLUS_MINUS} {percent(summary.sd)}"
    return percent(summary.mean) + spread


def interval(summary: Summary) -> str:
    return "" if summary.low is None else f"[{_minus(percent(summary.low))}, {_minus(percent(summary.high))}]"


def signed(summary: Summary | None) -> str:
    """+1.2 [-0.3, +2.7]"""
    if summary is None:
        return ""
    low_and_high = "" if summary.low is None else f" [{_signed(summary.low)}, {_signed(summary.high)}]"
    return _signed(summary.mean) + low_and_high


def _signed(share: float) -> str:
    return _minus(f"{100 * share:+.1f}")


def _minus(text: str) -> str:
    return text.replace("-", MINUS)


def _axes(table: Table) -> list[str]:
    """Those that any row has a place on."""
    return list(dict.fromkeys(axis for row in table.rows for axis in row.axis))


def _has_published(table: Table) -> bool:
    return any(row.published for row in table.rows)

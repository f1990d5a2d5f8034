"""Tables as text: Markdown, LaTeX that compiles as it stands, and rows of a CSV file with every number in full.

sections = [section(table) for table in tables]
as_markdown("good", sections), as_latex("good", sections), csv_rows(tables)
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from maskcon.experiments.tables.comparison import WITHOUT_FINE, Row, Table, Tried
from maskcon.experiments.tables.published import KINDS, QUOTED, REPRODUCED
from maskcon.experiments.tables.statistics import Summary, summarise

PLUS_MINUS, MINUS = "±", "\u2212"
METRIC_TITLES = {
    "mean_average_precision_at_r": "mAP@R",
    "coarse_recall_at_1": "coarse Recall@1",
    "knn_fine_top_1": "kNN top-1",
    "knn_coarse_top_1": "coarse kNN top-1",
    "linear_fine_top_1": "linear top-1",
    "linear_coarse_top_1": "coarse linear top-1",
    "discovery_accuracy": "fine classes discovered",
    "view_retrieval": "view finds view",
}
FEATURES = {  # what a metric is measured on, where that is not what the encoder returns
    "projection": "behind the projector",
    "untrained": "before training",
    "whitened": "whitened",
    "pixels": "of raw pixels",
}
LETTERS = {"soft_temperature": "T"}
CHOICE = "Choosing without fine labels"
OVERVIEW_KEY = "In percent, on the test part: mean and standard deviation over n seeds."
KEY = f"{OVERVIEW_KEY[:-1]}, with the 95% interval of the mean (Student's t over seeds)."
BEST = (
    "Bold: the highest mean of the methods, and every one whose difference to it is not resolved (the 95% interval of "
    "the difference, paired by seed, contains zero); one seed is never bold."
)
PUBLISHED = {
    QUOTED: "quoted: printed as the paper's by somebody else",
    REPRODUCED: "reproduced: run by somebody else",
}
LATEX_DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{booktabs}
\usepackage[a4paper, landscape, margin=2cm]{geometry}
\begin{document}
%s
\end{document}
"""
LATEX_SPECIAL: dict[str, str | int] = {
    "\\": r"\textbackslash{}",
    **{one: f"\\{one}" for one in "{}$&%#_"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    MINUS: r"$-$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "[": r"{[}",  # after \\ a bracket would be an option
}


class Bold(str):
    """The text of a cell that stands out."""


@dataclass(frozen=True)
class Section:
    """A table with what is said of it."""

    title: str
    cells: pd.DataFrame  # of text, some of it Bold
    remarks: list[str]
    tried: list[str] = field(default_factory=list)  # a heading, then a line for each method


def metric_title(metric: str) -> str:
    """Recall@10 for recall_at_10; Recall@10 behind the projector for projection.recall_at_10."""
    features, dot, name = metric.partition(".")
    if dot and features in FEATURES:
        return f"{metric_title(name)} {FEATURES[features]}"
    if metric.startswith("recall_at_"):
        return f"Recall@{metric.removeprefix('recall_at_')}"
    return METRIC_TITLES.get(metric, metric.replace("_", " "))


def in_words(values: Mapping[str, object]) -> str:
    """w 0.5; T 0.1."""
    named = {LETTERS.get(name, name.replace("_", " ")): value for name, value in values.items()}
    return "; ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in named.items()
    )


def row_title(row: Row) -> str:
    """MaskCon; w 0.5, where w is an axis."""
    return "; ".join([row.title, *(f"{axis.split('.')[-1]} {value}" for axis, value in row.axis.items())])


def row_titles(tables: Iterable[Table]) -> list[str]:
    """Of all rows of tables that may lack some, in order: what needs no training first."""
    rows = [row for table in tables for row in table.rows]
    return list(dict.fromkeys(row_title(row) for row in sorted(rows, key=lambda row: row.method != "")))


def percent(share: float, sign: str = "") -> str:
    return f"{100 * share:{sign}.1f}".replace("-", MINUS)


def mean_and_spread(summary: Summary) -> str:
    """61.2 ± 0.8"""
    return percent(summary.mean) + ("" if summary.sd is None else f" {PLUS_MINUS} {percent(summary.sd)}")


def interval(summary: Summary, sign: str = "") -> str:
    return "" if summary.low is None else f"[{percent(summary.low, sign)}, {percent(summary.high, sign)}]"


def mean_and_interval(summary: Summary | None, sign: str = "") -> str:
    """61.2 [60.1, 62.3]; with the sign +, of a difference: +1.2 [-0.3, +2.7]"""
    return "" if summary is None else f"{percent(summary.mean, sign)} {interval(summary, sign)}".strip()


def section(table: Table, with_tried: bool = True) -> Section:
    """One metric of one data set: one row per row of the table."""
    axes = dict.fromkeys(axis for row in table.rows for axis in row.axis)
    rows = []
    for row in table.rows:
        mean = mean_and_spread(row.summary)
        cells = {"method": row.title + row.marks} | {axis: row.axis.get(axis, "") for axis in axes}
        cells |= {"values": in_words(row.values), "mean ± sd": Bold(mean) if row.best else mean}
        cells |= {"95% interval": interval(row.summary), "n": str(row.summary.n)}
        if table.baseline:
            cells[f"minus {table.baseline}"] = mean_and_interval(row.difference, "+")
        for kind in _kinds(table):
            cells[kind] = percent(row.published[kind].percent / 100) if kind in row.published else ""
        rows.append(cells)
    difference = f"Differences to {table.baseline} are paired by seed, with their 95% interval, in percentage points."
    remarks = [KEY, *_about_bold([table]), *([difference] if table.baseline else [])]
    remarks += [*_sources(table), *table.notes]
    tried = [_tried_heading(table), *map(_tried_in_words, table.tried)] if table.tried and with_tried else []
    return Section(metric_title(table.metric), pd.DataFrame(rows, dtype=object), remarks, tried)


def _kinds(table: Table) -> list[str]:
    return [kind for kind in KINDS if any(kind in row.published for row in table.rows)]


def _sources(table: Table) -> list[str]:
    return [
        f"{PUBLISHED[kind].capitalize()} ({row.title}: {figure.setting}; seen in {figure.source})."
        for kind in KINDS
        for row in table.rows
        if (figure := row.published.get(kind))
    ]


def overview(tables: list[Table]) -> Section:
    """One metric of several data sets: one row per method, one column per data set."""
    both = side_by_side(metric_title(tables[0].metric), {table.dataset: table for table in tables})
    both.remarks.extend(f"{table.dataset}: {note}" for table in tables for note in table.notes)
    return both


def side_by_side(title: str, tables: Mapping[str, Table]) -> Section:
    """Tables by the name of their column: one row per method."""
    columns: dict[str, dict[str, str]] = {}
    for column, table in tables.items():
        for row in table.rows:
            text = f"{mean_and_spread(row.summary)} (n {row.summary.n}){row.marks}"
            columns.setdefault(column, {})[row_title(row)] = Bold(text) if row.best else text
    cells = pd.DataFrame(columns, index=row_titles(tables.values()), dtype=object)
    cells = cells.fillna("").rename_axis("method").reset_index()
    return Section(title, cells, [OVERVIEW_KEY, *_about_bold(tables.values())])


def choice_without_fine_labels(table: Table) -> Section | None:
    """What it costs to choose the values by a metric that needs no fine labels; None where none was measured."""
    known = [tried for tried in table.tried if None not in tried.scores]
    rows = []
    for metric in WITHOUT_FINE:
        if own := [(tried.scores, tried.without_fine[metric]) for tried in known if metric in tried.without_fine]:
            rows.append(_lost(metric_title(metric), [max(of) - of[np.argmax(by)] for of, by in own]))
    if not rows:
        return None
    rows.append(_lost("chance", [max(of.scores) - np.mean(of.scores) for of in known]))
    rows.append(_lost("ill luck", [max(of.scores) - min(of.scores) for of in known]))
    title = metric_title(table.metric)
    remark = f"Points of {title} lost beside the best of a method's values, on the validation part; one run a value."
    return Section(CHOICE, pd.DataFrame(rows, dtype=object), [remark])


def _lost(by: str, losses: list[float]) -> dict[str, str]:
    summary = summarise(dict(enumerate(losses)))
    return {
        "chosen by": by,
        "points lost": mean_and_spread(summary),
        "95% interval": interval(summary),
        "at most": percent(max(losses)),
        "n methods": str(summary.n),
    }


def _about_bold(tables: Iterable[Table]) -> list[str]:
    return [BEST] if any(row.best for table in tables for row in table.rows) else []


def _tried_heading(table: Table) -> str:
    if all(score is None for tried in table.tried for score in tried.scores):
        return "Values tried on another data set of the grid, on its validation part, one run each:"
    return f"Values tried, with their {metric_title(table.metric)} on the validation part in percent, one run each:"


def _tried_in_words(tried: Tried) -> str:
    """Grafit: w 0.2 (41.0), w 0.5 (42.3). Chosen: w 0.5."""
    each = [
        in_words(values) + ("" if score is None else f" ({percent(score)})")
        for values, score in zip(tried.values, tried.scores, strict=True)
    ]
    return f"{tried.title}: {', '.join(each)}. Chosen: {in_words(tried.chosen)}."


def _escaped(cells: pd.DataFrame, escape: Callable[[str], str], bold: str) -> pd.DataFrame:
    def cell(text: str) -> str:
        return bold.format(escape(text)) if isinstance(text, Bold) else escape(text)

    return cells.map(cell).rename(columns=escape)


def as_markdown(title: str, sections: Iterable[Section]) -> str:
    parts = [f"# {_markdown(title)}"]
    for one in sections:
        parts += [
            f"## {_markdown(one.title)}",
            markdown_cells(one).to_markdown(index=False, tablefmt="github", disable_numparse=True),
        ]
        parts += [" ".join(map(_markdown, one.remarks))]
        if one.tried:
            parts += [one.tried[0], "\n".join(f"- {_markdown(line)}" for line in one.tried[1:])]
    return "\n\n".join(parts) + "\n"


def markdown_cells(section: Section) -> pd.DataFrame:
    """Its text as Markdown has it."""
    return _escaped(section.cells, _markdown, "**{}**")


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>#]|\](?=[(\[]))", r"\\\1", " ".join(text.split()))  # the last would make a link


def as_latex(title: str, sections: Iterable[Section]) -> str:
    """A document with a table for each section; what stands between begin{table} and end{table} can be taken out."""
    lines = []
    for one in sections:
        lines += [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{latex_escaped(f'{one.title} on {title}.')}}}",
            _escaped(one.cells, latex_escaped, r"\textbf{{{}}}").to_latex(index=False, escape=False).rstrip(),
            r"\par\medskip\footnotesize\raggedright",
            *map(latex_escaped, one.remarks + one.tried),
            r"\end{table}",
        ]
    return LATEX_DOCUMENT % "\n".join(lines)


def latex_escaped(text: str) -> str:
    """Any text as LaTeX sets it; what pdfLaTeX's fonts lack is a question mark."""
    known = (one if one in LATEX_SPECIAL or one.isascii() or "À" <= one <= "ÿ" else "?" for one in text)
    return " ".join("".join(known).split()).translate(str.maketrans(LATEX_SPECIAL))


def csv_rows(tables: Iterable[Table]) -> list[dict[str, object]]:
    """A row for each method and metric; shares as they are, not in percent."""
    return [_csv_row(table, row) for table in tables for row in table.rows]


def _csv_row(table: Table, row: Row) -> dict[str, object]:
    return {
        "dataset": table.dataset,
        "metric": table.metric,
        "method": row.method or row.title,
        "title": row.title,
        "axis": json.dumps(row.axis),
        "values": json.dumps(row.values),
        **_numbers("", row.summary),
        "baseline": table.baseline or "",
        **_numbers("difference_", row.difference),
        "best": row.best,
        **{kind: row.published[kind].percent / 100 if kind in row.published else "" for kind in KINDS},
        **{f"{kind}_in": row.published[kind].source if kind in row.published else "" for kind in KINDS},
        "marks": row.marks,
        "seeds": " ".join(str(seed) for seed in sorted(row.by_seed)),
    }


def _numbers(prefix: str, summary: Summary | None) -> dict[str, object]:
    values = {name: getattr(summary, name, None) for name in ("n", "mean", "sd", "low", "high")}
    return {prefix + name: "" if value is None else value for name, value in values.items()}

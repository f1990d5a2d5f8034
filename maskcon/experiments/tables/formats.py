"""Tables as text: Markdown, LaTeX that compiles as it stands, and rows of a CSV file with every number in full.

overview_as_markdown(tables), as_markdown("good", tables), as_latex("good", tables), csv_rows(tables)
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping

import pandas as pd

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
MEAN = "mean ± sd"
OVERVIEW_KEY = "In percent, on the test part: mean and standard deviation over n seeds."
KEY = f"{OVERVIEW_KEY[:-1]}, with the 95% interval of the mean (Student's t over seeds)."
BEST = (
    "Bold: the highest mean of the methods, and every one whose difference to it is not resolved (the 95% interval of "
    "the difference, paired by seed, contains zero); one seed is never bold."
)
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
LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{one: f"\\{one}" for one in "{}$&%#_"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    MINUS: r"$-$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "[": r"{[}",  # after \\ a bracket would be an option
    "]": r"{]}",
}


def metric_title(metric: str) -> str:
    """Recall@10 for recall_at_10."""
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


def percent(share: float, sign: str = "") -> str:
    return f"{100 * share:{sign}.1f}".replace("-", MINUS)


def mean_and_spread(summary: Summary) -> str:
    """61.2 ± 0.8"""
    return percent(summary.mean) + ("" if summary.sd is None else f" {PLUS_MINUS} {percent(summary.sd)}")


def interval(summary: Summary, sign: str = "") -> str:
    return "" if summary.low is None else f"[{percent(summary.low, sign)}, {percent(summary.high, sign)}]"


def _difference(summary: Summary | None) -> str:
    """+1.2 [-0.3, +2.7]"""
    return "" if summary is None else f"{percent(summary.mean, '+')} {interval(summary, '+')}".strip()


def _texts(table: Table, escape: Callable[[str], str], bold: str) -> pd.DataFrame:
    """The cells as text: one row per row of the table."""
    axes = dict.fromkeys(axis for row in table.rows for axis in row.axis)
    rows = []
    for row in table.rows:
        cells = {"method": row.title + row.marks} | {axis: row.axis.get(axis, "") for axis in axes}
        cells |= {"values": in_words(row.values), MEAN: mean_and_spread(row.summary)}
        cells |= {"95% interval": interval(row.summary), "n": str(row.summary.n)}
        if table.baseline:
            cells[f"minus {table.baseline}"] = _difference(row.difference)
        if any(one.published for one in table.rows):
            cells["published"] = percent(row.published.percent / 100) if row.published else ""
        cells = {escape(head): escape(text) for head, text in cells.items()}
        if row.best:
            cells[escape(MEAN)] = bold.format(cells[escape(MEAN)])
        rows.append(cells)
    return pd.DataFrame(rows)


def _overview(tables: list[Table], escape: Callable[[str], str], bold: str) -> pd.DataFrame:
    """One row per method, one column per data set."""
    columns = {}
    for table in tables:
        cells = columns.setdefault(escape(table.dataset), {})
        for row in table.rows:
            text = escape(f"{mean_and_spread(row.summary)} (n {row.summary.n}){row.marks}")
            cells[escape(row_title(row))] = bold.format(text) if row.best else text
    return pd.DataFrame(columns).fillna("").rename_axis("method").reset_index()


def _notes(table: Table) -> list[str]:
    """What stands beneath a table."""
    sources = dict.fromkeys(row.published.source for row in table.rows if row.published)
    difference = f"Differences to {table.baseline} are paired by seed, with their 95% interval, in percentage points."
    return [
        KEY,
        *([BEST] if any(row.best for row in table.rows) else []),
        *([difference] if table.baseline else []),
        *(f"Published: {source}." for source in sources),
        *table.notes,
    ]


def _overview_notes(tables: list[Table]) -> list[str]:
    """What concerns one data set alone begins with its name."""
    best = [BEST] if any(row.best for table in tables for row in table.rows) else []
    return [OVERVIEW_KEY, *best, *(f"{table.dataset}: {note}" for table in tables for note in table.notes)]


def _tried_heading(table: Table) -> str:
    if all(score is None for tried in table.tried for score in tried.scores):
        return "Values tried on another data set of the grid, on its validation part, one run each:"
    return f"Values tried, with their {metric_title(table.metric)} on the validation part in percent, one run each:"


def _tried_in_words(tried: Tried) -> str:
    """Grafit: w 0.2 (41.0), w 0.5 (42.3); chosen w 0.5."""
    each = [
        in_words(values) + ("" if score is None else f" ({percent(score)})")
        for values, score in zip(tried.values, tried.scores, strict=True)
    ]
    return f"{tried.title}: {', '.join(each)}. Chosen: {in_words(tried.chosen)}"


def as_markdown(title: str, tables: Iterable[Table]) -> str:
    """A section for each metric; the values tried stand once, with the first."""
    parts = [f"# {_markdown(title)}"]
    for place, table in enumerate(tables):
        parts += [f"## {_markdown(metric_title(table.metric))}", _markdown_table(_texts(table, _markdown, "**{}**"))]
        parts += [" ".join(map(_markdown, _notes(table)))]
        if table.tried and place == 0:
            parts += [
                _tried_heading(table),
                "\n".join(f"- {_markdown(_tried_in_words(tried))}" for tried in table.tried),
            ]
    return "\n\n".join(parts) + "\n"


def overview_as_markdown(tables: list[Table]) -> str:
    texts = _markdown_table(_overview(tables, _markdown, "**{}**"))
    title, notes = _markdown(metric_title(tables[0].metric)), " ".join(map(_markdown, _overview_notes(tables)))
    return f"# {title}\n\n{texts}\n\n{notes}\n"


def _markdown_table(texts: pd.DataFrame) -> str:
    return texts.to_markdown(index=False, tablefmt="github", disable_numparse=True)


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>#]|\](?=[(\[]))", r"\\\1", " ".join(text.split()))  # the last would make a link


def as_latex(title: str, tables: Iterable[Table]) -> str:
    """A document with a table for each metric; what stands between begin{table} and end{table} can be taken out."""
    floats = []
    for place, table in enumerate(tables):
        tried = [_tried_heading(table), *(_tried_in_words(one) + "." for one in table.tried)]
        remarks = _notes(table) + (tried if table.tried and place == 0 else [])
        floats.append(
            _latex_float(
                f"{metric_title(table.metric)} on {title}.", _texts(table, latex_escaped, r"\textbf{{{}}}"), remarks
            )
        )
    return LATEX_DOCUMENT % "\n".join(floats)


def overview_as_latex(tables: list[Table]) -> str:
    caption = f"{metric_title(tables[0].metric)} by data set."
    texts = _overview(tables, latex_escaped, r"\textbf{{{}}}")
    return LATEX_DOCUMENT % _latex_float(caption, texts, _overview_notes(tables))


def _latex_float(caption: str, texts: pd.DataFrame, remarks: list[str]) -> str:
    lines = [
        r"\begin{table}",
        r"\centering\small",
        rf"\caption{{{latex_escaped(caption)}}}",
        texts.to_latex(index=False, escape=False).rstrip(),
        r"\par\medskip\footnotesize\raggedright",
        *map(latex_escaped, remarks),
        r"\end{table}",
    ]
    return "\n".join(lines)


def latex_escaped(text: str) -> str:
    """Any text as LaTeX sets it; what pdfLaTeX's fonts lack is a question mark."""
    known = "".join(one if one in LATEX_SPECIAL or one.isascii() or "À" <= one <= "ÿ" else "?" for one in text)
    return "".join(LATEX_SPECIAL.get(one, one) for one in " ".join(known.split()))


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
        "published": row.published.percent / 100 if row.published else "",
        "source": row.published.source if row.published else "",
        "marks": row.marks,
        "seeds": " ".join(str(seed) for seed in sorted(row.by_seed)),
    }


def _numbers(prefix: str, summary: Summary | None) -> dict[str, object]:
    values = {name: getattr(summary, name, None) for name in ("n", "mean", "sd", "low", "high")}
    return {prefix + name: "" if value is None else value for name, value in values.items()}

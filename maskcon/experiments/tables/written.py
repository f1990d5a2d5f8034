"""Tables as CSV (every number in full), Markdown, and LaTeX that compiles as it stands.

write_text(path, as_latex("good", tables))
"""

import json
import re
from collections.abc import Callable, Iterable

from tabulate import tabulate

from maskcon.experiments.tables.comparison import Row, Table
from maskcon.experiments.tables.statistics import Summary
from maskcon.experiments.tables.wording import (
    OVERVIEW_KEY,
    cells,
    headings,
    mean_and_spread,
    mean_column,
    metric_title,
    notes,
    shared_notes,
    tried_heading,
    tried_in_words,
)

LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "\u2212": r"$-$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "[": r"{[}",  # after \\ a bracket would be an option
    "]": r"{]}",
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


def csv_rows(tables: Iterable[Table]) -> list[dict[str, object]]:
    """A row for each method and metric; shares as they are, not in percent."""
    return [_csv_row(table, row) for table in tables for row in table.rows]


def _csv_row(table: Table, row: Row) -> dict[str, object]:
    tried = next((one.values for one in table.tried if one.title == row.title), [])
    return {
        "dataset": table.dataset,
        "metric": table.metric,
        "method": row.method or row.title,
        "title": row.title,
        "axis": json.dumps(row.axis),
        "values": json.dumps(row.values),
        "tried": json.dumps(tried),
        **_numbers("", row.summary),
        "baseline": table.baseline or "",
        **_numbers("difference_", row.difference),
        "best": row.best,
        "second": row.second,
        "published": row.published.percent / 100 if row.published else "",
        "source": row.published.source if row.published else "",
        "marks": row.marks,
        "seeds": " ".join(str(seed) for seed in sorted(row.by_seed)),
    }


def _numbers(prefix: str, summary: Summary | None) -> dict[str, object]:
    names = ("n", "mean", "sd", "low", "high")
    values = {name: None if summary is None else getattr(summary, name) for name in names}
    return {prefix + name: "" if value is None else value for name, value in values.items()}


def as_markdown(title: str, tables: Iterable[Table]) -> str:
    """A section for each metric."""
    parts = [f"# {_markdown(title)}"]
    for table in tables:
        body = [_marked(table, row, _markdown, "**{}**", "<u>{}</u>") for row in table.rows]
        parts += [
            f"## {_markdown(metric_title(table.metric))}",
            _grid([_markdown(one) for one in headings(table)], body),
        ]
        parts += [" ".join(_markdown(note) for note in notes(table))]
        if table.tried:
            parts += [tried_heading(table) + "\n\n" + "\n".join(f"- {_markdown(one)}" for one in _tried_lines(table))]
    return "\n\n".join(parts) + "\n"


def overview_as_markdown(tables: list[Table]) -> str:
    """A row for each method, a column for each data set."""
    head, body = overview(tables)
    marked = [
        [_markdown(name), *(_emphasised(cell, _markdown, "**{}**", "<u>{}</u>") for cell in row)] for name, row in body
    ]
    parts = [
        f"# {_markdown(metric_title(tables[0].metric))}",
        _grid([_markdown(one) for one in head], marked),
        " ".join(_markdown(note) for note in overview_notes(tables)),
    ]
    return "\n\n".join(parts) + "\n"


def overview(tables: list[Table]) -> tuple[list[str], list[tuple[str, list[tuple[str, bool, bool]]]]]:
    """Headings, and for each method its name and a cell (text, best, second) for each data set."""
    by_method: dict[str, dict[str, tuple[str, bool, bool]]] = {}
    for table in tables:
        for row in table.rows:
            name = row.title + "".join(f", {axis} {value}" for axis, value in row.axis.items())
            text = f"{mean_and_spread(row.summary)} (n {row.summary.n}){row.marks}"
            by_method.setdefault(name, {})[table.dataset] = (text, row.best, row.second)
    body = [(name, [of.get(table.dataset, ("", False, False)) for table in tables]) for name, of in by_method.items()]
    return ["method", *(table.dataset for table in tables)], body


def overview_notes(tables: list[Table]) -> list[str]:
    """What stands beneath the overview; what concerns one data set alone begins with its name."""
    return [
        *dict.fromkeys(note for table in tables for note in shared_notes(table, OVERVIEW_KEY)),
        *(f"{table.dataset}: {note}" for table in tables for note in table.notes),
    ]


def _grid(head: list[str], body: list[list[str]]) -> str:
    return tabulate(body, head, tablefmt="github", disable_numparse=True)


def _tried_lines(table: Table) -> list[str]:
    return [tried_in_words(tried, table.metric) for tried in table.tried]


def _marked(table: Table, row: Row, escape: Callable[[str], str], bold: str, underlined: str) -> list[str]:
    texts = [escape(text) for text in cells(table, row)]
    place = mean_column(table)
    texts[place] = _emphasised((cells(table, row)[place], row.best, row.second), escape, bold, underlined)
    return texts


def _emphasised(cell: tuple[str, bool, bool], escape: Callable[[str], str], bold: str, underlined: str) -> str:
    text, best, second = cell
    return bold.format(escape(text)) if best else underlined.format(escape(text)) if second else escape(text)


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>#])", r"\\\1", " ".join(text.split()))


def as_latex(title: str, tables: Iterable[Table]) -> str:
    """A document with a table for each metric; what stands between begin{table} and end{table} can be taken out."""
    return LATEX_DOCUMENT % "\n".join(_latex_table(title, table) for table in tables)


def _latex_table(title: str, table: Table) -> str:
    body = [_marked(table, row, latex_escaped, r"\textbf{{{}}}", r"\underline{{{}}}") for row in table.rows]
    remarks = [latex_escaped(note) for note in notes(table)]
    if table.tried:
        remarks += [latex_escaped(tried_heading(table)), *(latex_escaped(line) + "." for line in _tried_lines(table))]
    caption = f"{latex_escaped(metric_title(table.metric))} on {latex_escaped(title)}."
    return _latex_float(caption, [latex_escaped(one) for one in headings(table)], body, remarks)


def overview_as_latex(tables: list[Table]) -> str:
    head, body = overview(tables)
    rows = [
        [
            latex_escaped(name),
            *(_emphasised(cell, latex_escaped, r"\textbf{{{}}}", r"\underline{{{}}}") for cell in row),
        ]
        for name, row in body
    ]
    remarks = [latex_escaped(note) for note in overview_notes(tables)]
    caption = f"{latex_escaped(metric_title(tables[0].metric))} by data set."
    return LATEX_DOCUMENT % _latex_float(caption, [latex_escaped(one) for one in head], rows, remarks)


def _latex_float(caption: str, head: list[str], body: list[list[str]], remarks: list[str]) -> str:
    lines = [
        r"\begin{table}",
        r"\centering\small",
        rf"\caption{{{caption}}}",
        rf"\begin{{tabular}}{{{'l' * len(head)}}}",
        r"\toprule",
        " & ".join(head) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in body),
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\medskip\footnotesize\raggedright",
        *remarks,
        r"\end{table}",
    ]
    return "\n".join(lines)


def latex_escaped(text: str) -> str:
    """Any text as LaTeX sets it; what pdfLaTeX's fonts lack is a question mark."""
    known = "".join(one if one in LATEX_SPECIAL or one.isascii() or "À" <= one <= "ÿ" else "?" for one in text)
    return "".join(LATEX_SPECIAL.get(one, one) for one in " ".join(known.split()))

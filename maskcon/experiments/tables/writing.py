"""All that is made of a set of runs: tables in four formats and figures.

    written = write_tables(runs, Wanted(metrics=("recall_at_1",), question=Question("grafit")), published, out)

Files: overview.{csv,md,tex}, for each data set DATASET.{csv,md,tex} and its figures, and tables.pdf with a page for
each. The same runs give the same bytes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typst

from maskcon.experiments.grid.trials import CHOOSE
from maskcon.experiments.tables.comparison import NothingYet, Question, Table, compare
from maskcon.experiments.tables.curves import over_epochs, over_k, over_w
from maskcon.experiments.tables.methods_compared import Axis, Line, draw_lines
from maskcon.experiments.tables.published import Published
from maskcon.experiments.tables.runs import Runs
from maskcon.experiments.tables.wording import (
    cells,
    headings,
    mean_column,
    metric_title,
    notes,
    tried_heading,
    tried_in_words,
)
from maskcon.experiments.tables.written import (
    as_latex,
    as_markdown,
    csv_rows,
    overview,
    overview_as_latex,
    overview_as_markdown,
    overview_notes,
)
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_atomically, write_table, write_text

DEFAULT_METRICS = ("recall_at_1", "recall_at_10", "mean_average_precision_at_r", "coarse_recall_at_1")
METRICS_OVER_EPOCHS = ("recall_at_1", "coarse_recall_at_1")  # those that the evaluation has for every snapshot


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    metrics: tuple[str, ...]  # the first is that of the overview and the figures
    question: Question


@dataclass(frozen=True)
class Figure:
    file: str  # PNG, beside the tables
    caption: str


@dataclass(frozen=True)
class Written:
    """What was written, and what could not be and why."""

    tables: dict[str, list[Table]]  # by data set
    files: list[Path]
    left_out: list[str]


def write_tables(runs: Runs, wanted: Wanted, published: list[Published], template: Path, out: Path) -> Written:
    """Write everything below ``out``; nothing is written where a table is refused.

    Raises:
        UserError: a table cannot be made, see ``compare``.
    """
    tables: dict[str, list[Table]] = {}
    problems, left_out = [], []
    for dataset in runs.datasets:
        try:
            tables[dataset] = [
                compare(runs.of(dataset), metric, wanted.question, published) for metric in wanted.metrics
            ]
        except NothingYet as error:
            left_out.append(str(error))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    if not tables:
        raise UserError("\n".join(left_out))

    files = _write_overview([of[0] for of in tables.values()], out)
    figures: dict[str, list[Figure]] = {}
    for dataset, of in tables.items():
        files += _write_dataset(dataset, of, out)
        figures[dataset], missing = _draw(runs.of(dataset), dataset, wanted, out)
        files += [out / figure.file for figure in figures[dataset]]
        left_out += missing
    _write_pages(tables, figures, template, out)
    return Written(tables, [*files, out / "tables.pdf"], left_out)


def _write_overview(tables: list[Table], out: Path) -> list[Path]:
    files = [out / f"overview.{kind}" for kind in ("csv", "md", "tex")]
    write_table(files[0], csv_rows(tables))
    write_text(files[1], overview_as_markdown(tables))
    write_text(files[2], overview_as_latex(tables))
    return files


def _write_dataset(dataset: str, tables: list[Table], out: Path) -> list[Path]:
    files = [out / f"{dataset}.{kind}" for kind in ("csv", "md", "tex")]
    write_table(files[0], csv_rows(tables))
    write_text(files[1], as_markdown(dataset, tables))
    write_text(files[2], as_latex(dataset, tables))
    return files


@dataclass(frozen=True)
class Plan:
    """A figure that is drawn where there is something to show."""

    name: str
    lines: list[Line]
    axis: Axis
    title: str
    caption: str
    without: str  # why there may be nothing to show


def _plans(runs: Runs, wanted: Wanted) -> list[Plan]:
    axes, metric = wanted.question.axes, wanted.metrics[0]
    title = metric_title(metric)
    of_epochs = metric if metric in METRICS_OVER_EPOCHS else METRICS_OVER_EPOCHS[0]
    lines_over_w, purpose = over_w(runs, metric)
    return [
        Plan(
            "recall_at_k",
            over_k(runs, axes),
            Axis("K", logarithmic=True),
            "Recall@K",
            "Recall@K over K (logarithmic): mean and standard deviation over seeds.",
            "no run has Recall@K",
        ),
        Plan(
            "over_w",
            lines_over_w,
            Axis("w", every=True),
            f"{title} over w",
            f"{title} over w, a line for each soft temperature T; {_whose(lines_over_w, purpose)}.",
            "no method was run with two values of w at one soft temperature",
        ),
        Plan(
            "over_epochs",
            over_epochs(runs, of_epochs, axes),
            Axis("epoch"),
            metric_title(of_epochs),
            f"{metric_title(of_epochs)} over the epochs: mean and standard deviation over seeds.",
            "no run kept snapshots (train.snapshot_epochs)",
        ),
    ]


def _whose(lines: Sequence[Line], purpose: str) -> str:
    """Which images and how many runs such lines stand for."""
    part = "validation" if purpose == CHOOSE else "test"
    several = any(line.sd.any() for line in lines)
    return f"on the {part} part, {'mean and standard deviation over seeds' if several else 'one run each'}"


def _draw(runs: Runs, dataset: str, wanted: Wanted, out: Path) -> tuple[list[Figure], list[str]]:
    """The figures of a data set, and why others are missing."""
    drawn, missing = [], []
    for plan in _plans(runs, wanted):
        if any(len(line.x) > 1 for line in plan.lines):
            draw_lines(plan.lines, plan.axis, plan.title, out / f"{dataset}_{plan.name}")
            drawn.append(Figure(f"{dataset}_{plan.name}.png", plan.caption))
        else:
            missing.append(f"{dataset}: no figure {plan.name}: {plan.without}")
    return drawn, missing


def _write_pages(tables: dict[str, list[Table]], figures: dict[str, list[Figure]], template: Path, out: Path) -> None:
    facts = {
        "overview": _overview_facts([of[0] for of in tables.values()]),
        "datasets": [
            {
                "name": dataset,
                "tables": [_table_facts(table) for table in of],
                "notes": notes(of[0]),
                "figures": [vars(figure) for figure in figures[dataset]],
            }
            for dataset, of in tables.items()
        ],
    }
    typeset(template, facts, out)


def typeset(template: Path, facts: dict, out: Path) -> None:
    """``out``/tables.pdf from the facts, which reach the template as text and never as markup.

    Raises:
        UserError: the template is missing or broken.
    """
    root = Path(out.resolve().anchor)
    inputs = {"facts": json.dumps(facts), "figures": out.resolve().as_posix()}
    try:
        page = typst.compile(str(template.resolve()), root=str(root), sys_inputs=inputs)
    except (RuntimeError, OSError) as error:
        raise UserError(f"{template} cannot be typeset ({' '.join(str(error).split())}); restore it with git") from None
    write_atomically(out / "tables.pdf", lambda file: file.write(page))


def _overview_facts(tables: list[Table]) -> dict:
    head, body = overview(tables)
    return {
        "metric": metric_title(tables[0].metric),
        "head": head,
        "rows": [{"name": name, "cells": [_cell(*cell) for cell in row]} for name, row in body],
        "notes": overview_notes(tables),
    }


def _table_facts(table: Table) -> dict:
    place = mean_column(table)
    rows = []
    for row in table.rows:
        texts = [_cell(text) for text in cells(table, row)]
        texts[place] = _cell(texts[place]["text"], row.best, row.second)
        rows.append(texts)
    tried: Sequence[str] = [tried_in_words(one, table.metric) for one in table.tried]
    return {
        "metric": metric_title(table.metric),
        "head": headings(table),
        "rows": rows,
        "tried": list(tried),
        "tried_heading": tried_heading(table),
    }


def _cell(text: str, best: bool = False, second: bool = False) -> dict:
    return {"text": text, "best": best, "second": second}

"""All that is made of a set of runs: tables in three formats and figures.

    written = write_tables(runs, Wanted(metrics=("recall_at_1",), question=Question("grafit")), published, out)

Files: overview.{csv,md,tex}; for each data set DATASET.{csv,md,tex}, DATASET_methods (a dot for each method, one panel
per metric) and DATASET_tried (the values tried on the validation part). The same runs give the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from maskcon.experiments.tables.comparison import NothingYet, Question, Table, compare
from maskcon.experiments.tables.dot_plot import Dot, Panel, draw_dots
from maskcon.experiments.tables.formats import (
    as_latex,
    as_markdown,
    csv_rows,
    in_words,
    metric_title,
    overview_as_latex,
    overview_as_markdown,
    row_title,
)
from maskcon.experiments.tables.published import Published
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_table, write_text

DEFAULT_METRICS = ("recall_at_1", "recall_at_10", "mean_average_precision_at_r", "coarse_recall_at_1")


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    metrics: tuple[str, ...]  # the first is that of the overview
    question: Question


@dataclass(frozen=True)
class Written:
    """What was written, and which data sets have nothing to show yet."""

    tables: dict[str, list[Table]]  # by data set
    files: list[Path]
    left_out: list[str]


def write_tables(runs: pd.DataFrame, wanted: Wanted, published: list[Published], out: Path) -> Written:
    """Write everything below ``out``; nothing is written where a table is refused.

    Raises:
        UserError: a table cannot be made, see ``compare``.
    """
    tables: dict[str, list[Table]] = {}
    problems, left_out = [], []
    for dataset, own in runs.groupby("dataset", sort=False):
        try:
            tables[dataset] = [compare(own, metric, wanted.question, published) for metric in wanted.metrics]
        except NothingYet as error:
            left_out.append(str(error))
        except UserError as error:
            problems.append(str(error))
    if problems or not tables:
        raise UserError("\n".join(problems or left_out))
    firsts = [of[0] for of in tables.values()]
    files = _write(out / "overview", firsts, overview_as_markdown(firsts), overview_as_latex(firsts))
    for dataset, of in tables.items():
        files += _write(out / dataset, of, as_markdown(dataset, of), as_latex(dataset, of))
        files += _draw(out, dataset, of)
    return Written(tables, files, left_out)


def _write(path: Path, tables: list[Table], markdown: str, latex: str) -> list[Path]:
    files = [path.with_name(f"{path.name}.{kind}") for kind in ("csv", "md", "tex")]
    write_table(files[0], csv_rows(tables))
    write_text(files[1], markdown)
    write_text(files[2], latex)
    return files


def _draw(out: Path, dataset: str, tables: list[Table]) -> list[Path]:
    plots = {"methods": [_methods_panel(table) for table in tables], "tried": [_tried_panel(tables[0])]}
    drawn = {name: panels for name, panels in plots.items() if any(dot.mean is not None for dot in panels[0].dots)}
    for name, panels in drawn.items():
        draw_dots(panels, out / f"{dataset}_{name}")
    return [out / f"{dataset}_{name}.png" for name in drawn]


def _methods_panel(table: Table) -> Panel:
    """Means with their 95% intervals; grey what needs no training."""
    dots = [
        Dot(row_title(row), row.summary.mean, row.summary.low, row.summary.high, strong=bool(row.method))
        for row in table.rows
    ]
    return Panel(metric_title(table.metric), dots)


def _tried_panel(table: Table) -> Panel:
    """What each value gave on the validation part; grey what was not chosen."""
    dots = [
        Dot(f"{tried.title}: {in_words(values)}", score, strong=values == tried.chosen)
        for tried in table.tried
        for values, score in zip(tried.values, tried.scores, strict=True)
    ]
    return Panel(f"{metric_title(table.metric)} on validation", dots)

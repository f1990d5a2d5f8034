"""All that is made of a set of runs: tables in three formats and a figure.

    written = write_tables(runs, ("recall_at_1",), Question("grafit"), published, out)

Files: overview.md; for each data set DATASET.{csv,md,tex}, DATASET_methods.{png,pdf} (a dot for each method, one panel
per metric) and, where values were tried on it, DATASET_values.{png,pdf}; where the data sets are a series (photos_1000,
photos_4000, photos_16000), overview_curve.{png,pdf}. The same runs give the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from maskcon.experiments.tables.comparison import NothingYet, Question, Table, compare
from maskcon.experiments.tables.curve import draw_curve, numbers_of
from maskcon.experiments.tables.dot_plot import draw_methods, draw_values
from maskcon.experiments.tables.formats import (
    Section,
    as_latex,
    as_markdown,
    choice_without_fine_labels,
    csv_rows,
    metric_title,
    overview,
    section,
    side_by_side,
)
from maskcon.experiments.tables.published import Figures
from maskcon.experiments.tables.runs import METRIC
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_table, write_text

DEFAULT_METRICS = (
    "recall_at_1",
    "recall_at_10",
    "mean_average_precision_at_r",
    "coarse_recall_at_1",
    "view_retrieval",  # where there are no fine labels
)


@dataclass(frozen=True)
class Written:
    """What was written, and which data sets have nothing to show yet."""

    files: list[str]
    left_out: list[str]


def default_metrics(runs: pd.DataFrame) -> tuple[str, ...]:
    """Those of DEFAULT_METRICS that each data set has; the first where it has none, which is then refused."""
    counts = runs.groupby("dataset").count()
    shared = [name for name in DEFAULT_METRICS if METRIC + name in counts and counts[METRIC + name].min() > 0]
    return tuple(shared or DEFAULT_METRICS[:1])


def write_tables(
    runs: pd.DataFrame, metrics: tuple[str, ...], question: Question, published: Figures, out: Path
) -> Written:
    """Write everything below ``out``; nothing is written where a table is refused.

    Raises:
        UserError: a table cannot be made, see ``compare``.
    """
    tables, left_out = compare_each(runs, metrics, question, published)
    write_text(out / "overview.md", as_markdown("All data sets", [overview([first for first, *_ in tables.values()])]))
    files = ["overview.md"]
    if numbers := numbers_of({dataset: first for dataset, (first, *_) in tables.items()}):
        draw_curve(numbers, out / "overview_curve")
        files.append("overview_curve.png")
    for dataset, of in tables.items():
        sections = sections_of(of)
        write_table(out / f"{dataset}.csv", csv_rows(of))
        write_text(out / f"{dataset}.md", as_markdown(dataset, sections))
        write_text(out / f"{dataset}.tex", as_latex(dataset, sections))
        draw_methods(of, out / f"{dataset}_methods")
        files += [f"{dataset}{ending}" for ending in (".csv", ".md", ".tex", "_methods.png")]
        if measured := [tried for tried in of[0].tried if None not in tried.scores]:
            draw_values(measured, of[0].metric, out / f"{dataset}_values")
            files.append(f"{dataset}_values.png")
    return Written(files, left_out)


def compare_each(
    runs: pd.DataFrame, metrics: tuple[str, ...], question: Question, published: Figures
) -> tuple[dict[str, list[Table]], list[str]]:
    """The tables of each data set, and a sentence for each that has none yet.

    Args:
        metrics: a table each; the first is that of the overview.

    Raises:
        UserError: see ``write_tables``.
    """
    tables: dict[str, list[Table]] = {}
    problems, left_out = [], []
    for dataset, own in runs.groupby("dataset", sort=False):
        try:
            tables[dataset] = [compare(own, metric, question, published) for metric in metrics]
        except NothingYet as error:
            left_out.append(str(error))
        except UserError as error:
            problems.append(str(error))
    if problems or not tables:
        raise UserError("\n".join(problems or left_out))
    return tables, left_out


def sections_of(tables: list[Table]) -> list[Section]:
    """Of one data set: all metrics side by side, then each, then what choosing values without fine labels costs."""
    sections = [section(table, with_tried=place == 0) for place, table in enumerate(tables)]
    if len(tables) > 1:
        sections.insert(0, side_by_side("All metrics", {metric_title(table.metric): table for table in tables}))
    choice = choice_without_fine_labels(tables[0])
    return [*sections, choice] if choice else sections

"""Write tables and figures that compare recorded runs."""

import argparse
import os
from pathlib import Path

import pandas as pd

from maskcon.experiments.tables.comparison import Question
from maskcon.experiments.tables.pages import fill_page
from maskcon.experiments.tables.published import read_published
from maskcon.experiments.tables.runs import PARAMETER, read_export, read_store, write_export
from maskcon.experiments.tables.writing import DEFAULT_METRICS, default_metrics, write_tables
from maskcon.parameters.errors import UserError
from maskcon.tracking.store import find_store

CONF, PUBLISHED = Path("conf"), Path("reports/published.csv")
STUDIES = Path("reports/studies")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--grid", metavar="NAME", help="the runs of this grid, as it names them")
    parser.add_argument("--metric", nargs="+", help=f"what is compared (those measured of {' '.join(DEFAULT_METRICS)})")
    parser.add_argument("--baseline", metavar="METHOD", help="differences are to this method")
    parser.add_argument("--axis", nargs="+", default=[], metavar="KEY", help="parameters that distinguish rows")
    parser.add_argument("--where", nargs="+", default=[], metavar="KEY=VALUE", help="keep runs with these parameters")
    parser.add_argument("--rows", type=Path, metavar="FOLDER", help="read an export instead of the tracking store")
    parser.add_argument("--export", action="store_true", help="also write the runs themselves, for --rows")
    parser.add_argument("--pages", nargs="+", type=Path, default=[], metavar="FILE", help="fill the tables in these")
    parser.add_argument("--out", type=Path, default=Path("reports/tables"), help="folder (%(default)s)")


def main(arguments: argparse.Namespace) -> None:
    for page in arguments.pages:
        fill_page(page, STUDIES, read_published(PUBLISHED))
        print(f"filled {page}")
    if arguments.pages:
        return
    if arguments.rows is not None:
        runs = read_export(arguments.rows)
    else:
        runs = read_store(find_store(Path.cwd(), os.environ), CONF, arguments.grid)
    runs = _kept(runs, arguments.where)
    metrics = tuple(dict.fromkeys(arguments.metric or default_metrics(runs)))
    question = Question(arguments.baseline, tuple(arguments.axis))
    if arguments.export:  # first: also what is too little for a table yet
        write_export(runs, arguments.out)
    written = write_tables(runs, metrics, question, read_published(PUBLISHED), arguments.out)
    print((arguments.out / "overview.md").read_text())
    print("\n".join([*written.left_out, f"written to {arguments.out}: {', '.join(written.files)}"]))


def _kept(runs: pd.DataFrame, conditions: list[str]) -> pd.DataFrame:
    for condition in conditions:
        key, equals, value = condition.partition("=")
        if not equals or PARAMETER + key not in runs:
            raise UserError(f"--where {condition} is not allowed: it should be KEY=VALUE, such as loss.w=0.8")
        there = sorted({text for text in runs[PARAMETER + key] if isinstance(text, str)})
        runs = runs[runs[PARAMETER + key] == value]
        if runs.empty:
            raise UserError(f"--where {condition} leaves no run; {key} is {', '.join(there)}")
    return runs

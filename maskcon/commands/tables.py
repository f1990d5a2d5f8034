"""Write tables and figures that compare recorded runs."""

import argparse
import os
from pathlib import Path

from maskcon.experiments.tables.comparison import Question
from maskcon.experiments.tables.published import read_published
from maskcon.experiments.tables.runs import PARAMETER, Runs, read_export, read_store, write_export
from maskcon.experiments.tables.writing import DEFAULT_METRICS, Wanted, Written, write_tables
from maskcon.parameters.errors import UserError
from maskcon.tracking.store import StoreError, find_store

PUBLISHED, TEMPLATE = Path("reports/published.csv"), Path("reports/tables.typ")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--grid", metavar="NAME", help="the runs of this grid, as it names them")
    parser.add_argument("--dataset", metavar="NAME", help="one data set alone (data.name, or the grid's own name)")
    parser.add_argument(
        "--metric", nargs="+", default=list(DEFAULT_METRICS), help=f"default: {' '.join(DEFAULT_METRICS)}"
    )
    parser.add_argument("--baseline", metavar="METHOD", help="differences are to this method")
    parser.add_argument("--axis", nargs="+", default=[], metavar="KEY", help="parameters that distinguish rows")
    parser.add_argument("--where", nargs="+", default=[], metavar="KEY=VALUE", help="keep runs with these parameters")
    parser.add_argument("--rows", type=Path, metavar="FOLDER", help="read an export instead of the tracking store")
    parser.add_argument("--export", action="store_true", help="also write the runs themselves, for --rows")
    parser.add_argument("--out", type=Path, default=Path("reports/tables"), help="folder (default %(default)s)")


def main(arguments: argparse.Namespace) -> None:
    runs = _kept(_read(arguments), arguments.where)
    question = Question(arguments.baseline, tuple(arguments.axis))
    wanted = Wanted(tuple(dict.fromkeys(arguments.metric)), question)
    if arguments.export:  # first: also what is too little for a table yet
        write_export(runs, arguments.out)
    written = write_tables(runs, wanted, read_published(PUBLISHED), TEMPLATE, arguments.out)
    _show(written, arguments.out)


def _read(arguments: argparse.Namespace) -> Runs:
    if arguments.rows is not None:
        runs = read_export(arguments.rows)
    else:
        store = find_store(Path.cwd(), os.environ)
        of_store = None if arguments.grid else arguments.dataset
        try:
            runs = read_store(store, arguments.grid, of_store)
        except StoreError as error:
            raise UserError(f"{error}; tables are made from the runs on record there") from None
    if arguments.dataset is None:
        return runs
    if arguments.dataset not in runs.datasets:
        raise UserError(f"--dataset {arguments.dataset} has no runs; there are {', '.join(runs.datasets)}")
    return runs.of(arguments.dataset)


def _kept(runs: Runs, conditions: list[str]) -> Runs:
    table = runs.table
    for condition in conditions:
        key, equals, value = condition.partition("=")
        if not equals or PARAMETER + key not in table:
            raise UserError(f"--where {condition} is not allowed: it should be KEY=VALUE, such as loss.w=0.8")
        there = sorted({text for text in table[PARAMETER + key] if isinstance(text, str)})
        table = table[table[PARAMETER + key] == value]
        if table.empty:
            raise UserError(f"--where {condition} leaves no run; {key} is {', '.join(there)}")
    return Runs(table, runs.curves)


def _show(written: Written, out: Path) -> None:
    print((out / "overview.md").read_text())
    for reason in written.left_out:
        print(reason)
    print(f"written to {out}: {', '.join(file.name for file in written.files)}")

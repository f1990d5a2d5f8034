"""Lay recorded runs side by side on one page."""

import argparse
import os
from pathlib import Path

from maskcon.parameters.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="+", help="the name of a run, or the beginning of its ID")
    parser.add_argument(
        "--page", type=Path, default=Path("exports/compare.html"), metavar="HTML", help="where it goes (%(default)s)"
    )


def main(arguments: argparse.Namespace) -> None:
    from maskcon.explore.compare_page.compared_runs import read_runs
    from maskcon.explore.compare_page.page import MOST_RUNS, write_comparison
    from maskcon.runtime.atomic_files import require_place
    from maskcon.tracking.store import find_store

    if not 2 <= len(set(arguments.runs)) == len(arguments.runs) <= MOST_RUNS:
        raise UserError(f"name from 2 to {MOST_RUNS} different runs, the first as what the others are compared with")
    require_place(arguments.page)
    runs = read_runs(find_store(Path.cwd(), os.environ), arguments.runs, Path.cwd())
    write_comparison(runs, arguments.page)
    print(f"{arguments.page}: {len(runs)} runs; open it in a browser")

"""List and remove what interrupted runs have left.

Left are folders under .scratch: checkpoints of trainings that were interrupted and never taken up again, and half
unpacked archives. A run that ends removes its own. A folder in which a process works is listed and never removed.
"""

import argparse
import os
import sys
from pathlib import Path

from tabulate import tabulate

from maskcon.parameters.errors import UserError
from maskcon.runtime.scratch import Leftover, leftovers, remove

AGES = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="list only")
    parser.add_argument("--yes", action="store_true", help="remove without asking")


def main(arguments: argparse.Namespace) -> None:
    found = leftovers(Path(os.environ.get("DVC_ROOT") or Path.cwd()) / ".scratch")
    if not found:
        print("nothing is left of interrupted runs")
        return
    print(listing(found))
    unused = [one for one in found if not one.in_use]
    if arguments.dry_run or not unused:
        return
    if not (arguments.yes or _agreed(len(unused), sum(one.size for one in unused))):
        print("nothing was removed")
        return
    removed = [one for one in unused if remove(one)]
    print(f"removed {len(removed)} of {len(unused)}, {_megabytes(sum(one.size for one in removed))}")


def listing(found: list[Leftover]) -> str:
    """A row a folder: what it is of, its size, since when nothing was written in it, and who works there."""
    rows = [
        {
            "left by": one.work,
            "size": _megabytes(one.size),
            "last written": f"{_age(one.age)} ago",
            "state": f"in use by process {one.process}" if one.in_use else "left",
            "folder": one.folder.name,
        }
        for one in found
    ]
    return tabulate(rows, headers="keys")


def _agreed(number: int, size: int) -> bool:
    if not sys.stdin.isatty():
        raise UserError("there is no terminal to ask in: add --yes to remove what is listed, or --dry-run to list it")
    answer = input(f"remove the {number} that are left ({_megabytes(size)})? Their runs would begin anew [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _age(seconds: float) -> str:
    for unit, name in AGES:
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"

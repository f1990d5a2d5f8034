"""List and remove what interrupted runs have left.

Left are folders under .scratch: checkpoints of trainings that were interrupted and never taken up again, and half
unpacked archives. A run that ends removes its own. A folder in which a process works is listed and never removed.
"""

import argparse
import os
from pathlib import Path

from tabulate import tabulate

from maskcon.runtime.scratch import Leftover, leftovers, remove


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="remove it; without this it is only listed")


def main(arguments: argparse.Namespace) -> None:
    found = leftovers(Path(os.environ.get("DVC_ROOT") or Path.cwd()) / ".scratch")
    if not found:
        print("nothing is left of interrupted runs")
        return
    print(listing(found))
    unused = [one for one in found if not one.in_use]
    if arguments.yes:
        removed = [one for one in unused if remove(one)]
        print(f"removed {len(removed)} of {len(unused)}, {_megabytes(sum(one.size for one in removed))}")
    elif unused:
        print(f"to remove the {len(unused)} that are left, so that their runs begin anew: maskcon clean --yes")


def listing(found: list[Leftover]) -> str:
    """A row a folder: what it is of, its size, since when nothing was written in it, and who works there."""
    rows = [
        {
            "left by": one.work,
            "size": _megabytes(one.size),
            "last written": f"{one.age / 3600:.1f} hours ago",
            "state": f"in use by process {one.process}" if one.in_use else "left",
            "folder": one.folder.name,
        }
        for one in found
    ]
    return tabulate(rows, headers="keys")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"

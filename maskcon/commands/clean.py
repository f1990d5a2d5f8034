"""List and remove what interrupted runs have left.

Left are folders under .scratch: checkpoints of trainings that were interrupted and never taken up again, and half
unpacked archives. A run that ends removes its own. A folder in which a process works is listed and never removed.
A lock file of DVC that a kill has torn, which stops every later command of DVC, is removed where no DVC runs here.
"""

import argparse
import json
import os
from pathlib import Path

import psutil
from tabulate import tabulate

from maskcon.parameters.errors import UserError
from maskcon.runtime.scratch import Leftover, leftovers, remove


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="remove it; without this it is only listed")
    parser.add_argument("--lock", action="store_true", help="look at DVC's lock file alone")


def main(arguments: argparse.Namespace) -> None:
    checkout = Path(os.environ.get("DVC_ROOT") or Path.cwd())
    remove_torn_lock(checkout)
    if arguments.lock:
        return
    found = leftovers(checkout / ".scratch")
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


def remove_torn_lock(checkout: Path) -> None:
    """Remove .dvc/tmp/rwlock where it is not the JSON that DVC writes.

    Raises: UserError, where a DVC works in this folder, whose lock it may be.
    """
    lock = checkout / ".dvc/tmp/rwlock"
    try:
        json.loads(lock.read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        if process := working_dvc(checkout):
            raise UserError(f"{lock} is torn, but DVC runs here as process {process}; end it first") from None
        lock.unlink()
        print(f"removed {lock}, which an interrupted DVC had left torn")


def working_dvc(checkout: Path) -> int | None:
    """The process id of a DVC that works in ``checkout``, if any."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words, folder = process.info["cmdline"] or [], process.info["cwd"]
        is_here = folder is not None and Path(folder).is_relative_to(checkout.resolve())
        if is_here and any(Path(word).name == "dvc" for word in words[:3]):
            return process.pid
    return None


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

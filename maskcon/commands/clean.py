"""List and remove what interrupted runs have left.

Left are folders under .scratch: checkpoints of trainings that were interrupted and never taken up again, and half
unpacked archives. A run that ends removes its own. A folder in which a process works is listed and never removed.
So are files that a killed process was writing, and what a killed ``dvc exp run`` leaves in git and in .dvc/tmp.
What would stop every later command of DVC is mended: a lock file that a kill has torn or left is removed, and a torn
dvc.lock is cut back to whole stages.
"""

import argparse
import json
import os
import re
from contextlib import suppress
from itertools import chain
from pathlib import Path

import psutil
from tabulate import tabulate

from maskcon.experiments.killed import Remains, remains_of_experiments, worktrees
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.scratch import Leftover, leftovers, remove


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="remove it; without this it is only listed")
    parser.add_argument("--lock", action="store_true", help="look only at what would stop DVC")


def main(arguments: argparse.Namespace) -> None:
    checkout = Path(os.environ.get("DVC_ROOT") or Path.cwd())
    for lock in ("rwlock", "exps/rwlock"):
        remove_torn_lock(checkout, checkout / ".dvc/tmp" / lock)
    remove_left_lock(checkout / ".dvc/tmp/rwlock")
    mend_torn_record(checkout, checkout / "dvc.lock")
    if arguments.lock:
        return
    folders, remains = leftovers(checkout / ".scratch"), unfinished_files(checkout)
    if process := working_process(worktrees(checkout), "dvc", "git"):
        print(
            f"DVC or git runs here as process {process}: what killed experiments left is looked for once it has ended"
        )
    else:
        remains += remains_of_experiments(checkout)
    if folders:
        print(listing(folders))
    for one in remains:
        print(one.what)
    unused = [one for one in folders if not one.in_use]
    if not folders and not remains:
        print("nothing is left of interrupted runs")
    elif arguments.yes:
        for one in remains:
            one.put_right()
        removed = [one for one in unused if remove(one)]
        size = _megabytes(sum(one.size for one in removed))
        print(f"put right {len(remains)}, removed {len(removed)} of {len(unused)}, {size}")
    elif unused or remains:
        print(
            f"to remove {len(unused)}, so that their runs begin anew, and put right {len(remains)}: maskcon clean --yes"
        )


def unfinished_files(checkout: Path) -> list[Remains]:
    """Files that a killed process was writing; they bear its number until they are whole."""
    found = []
    for folder, folders, names in os.walk(checkout):
        folders[:] = [name for name in folders if name not in (".git", ".venv", ".dvc", ".scratch")]
        for name in names:
            match = re.fullmatch(r"\..+\.(\d{1,7})\.part", name)
            if match and not psutil.pid_exists(int(match[1])):
                found.append(Remains(f"half-written: {Path(folder, name)}", Path(folder, name).unlink))
    return found


def remove_torn_lock(checkout: Path, lock: Path) -> None:
    """Remove a lock file of DVC where it is not the JSON that DVC writes.

    Raises: UserError, where a DVC works in this folder, whose lock it may be.
    """
    try:
        json.loads(lock.read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        if process := working_process([checkout], "dvc"):
            raise UserError(f"{lock} is torn, but DVC runs here as process {process}; end it first") from None
        lock.unlink()
        print(f"removed {lock}, which an interrupted DVC had left torn")


def remove_left_lock(lock: Path) -> None:
    """Remove a lock file of DVC whose every holder has ended.

    DVC looks for the holder's number alone, which may be another process's by now, or of one that is not yet gone.
    """
    with suppress(FileNotFoundError, ValueError):
        held = json.loads(lock.read_bytes())
        holders = [*held.get("write", {}).values(), *chain(*held.get("read", {}).values())]
        if holders and not any(runs(holder["pid"], holder["cmd"]) for holder in holders):
            lock.unlink()


def mend_torn_record(checkout: Path, record: Path) -> None:
    """Cut DVC's record of stages back to whole ones, where it was killed within writing it: it begins at the top.

    The stages that are cut off run again, or come from DVC's cache of runs.
    """
    text = record.read_bytes().decode(errors="ignore") if record.exists() else "\n"  # it may be cut within a letter
    if (text.endswith("\n") and not text.endswith(":\n")) or working_process([checkout], "dvc"):
        return
    stages = [stage.start() for stage in re.finditer(r"^  \S+:$", text, re.MULTILINE)]
    if len(stages) > 1:
        write_text(record, text[: stages[-1]])
    else:
        record.unlink()
    print(f"cut off the end of {record}, which an interrupted DVC had left torn")


def runs(process: int, command: str) -> bool:
    """Whether the process has the arguments of the command, which may have been started as a module of Python."""
    try:
        return " ".join(psutil.Process(process).cmdline()).endswith(command.partition(" ")[2])
    except psutil.NoSuchProcess:
        return False


def working_process(checkouts: list[Path], *programs: str) -> int | None:
    """The process id of one of the programs that works in one of the folders, if any."""
    folders = [checkout.resolve() for checkout in checkouts]
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words, folder = process.info["cmdline"] or [], process.info["cwd"]
        is_here = folder is not None and any(Path(folder).is_relative_to(one) for one in folders)
        if is_here and any(Path(word).name in programs for word in words[:3]):
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

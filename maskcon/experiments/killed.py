"""What a killed ``dvc exp run``, or a killed grid, leaves, and how it is put right.

for one in remains_of_experiments(checkout):    # only where neither DVC nor git runs
    print(one.what)
    one.put_right()

DVC sets uncommitted edits aside in git's stash, detaches HEAD, and brings edits and values of the experiment into the
checkout, or with --temp into a folder of its own. A kill leaves whatever had been done.
"""

import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from maskcon.runtime.git import asked, told
from maskcon.runtime.same_inputs import shown

DETACHED = re.compile(r"checkout: moving from (\S+) to ([0-9a-f]{40,64})$")
OF_AN_EXPERIMENT = ("commit: dvc: commit experiment", "dvc: Restore HEAD")
WAITING, EXECUTED = "refs/exps/stash", "refs/exps/exec/EXEC_MERGE"  # an experiment before it begins, and from then on
NOT_WRITTEN_BY_IT = (".", ":(exclude).dvc/tmp", ":(exclude)dvc.lock")
LONGEST = 60  # seconds that DVC takes to set edits aside


@dataclass(frozen=True)
class Remains:
    what: str  # a line for a person
    put_right: Callable[[], object]


def remains_of_experiments(checkout: Path) -> list[Remains]:
    """In the order in which they are to be put right."""
    if not (git_folder := asked(checkout, "rev-parse", "--absolute-git-dir")):
        return []
    found = []
    for lock in sorted([*Path(git_folder).glob("*.lock"), *Path(git_folder, "refs").rglob("*.lock")]):
        found.append(Remains(f"{lock}: git refuses to work while it is there", lock.unlink))
    if branch := _branch_of_detached_head(checkout):
        what = f"HEAD was detached from branch {branch}; it is put back, and files stay as they are"
        found.append(Remains(what, partial(_attach, checkout, branch)))
    if edit := _edit_set_aside(checkout):
        what = f"uncommitted edits were set aside in git's stash: {_files_of(checkout, edit)}"
        found.append(Remains(what, partial(_bring_back, checkout, edit)))
    if experiment := asked(checkout, "rev-parse", "--verify", "--quiet", EXECUTED):
        files = _files_of(checkout, experiment)
        what = f"an experiment was cut off; its changes stay in {files}, or go to git's stash where they are missing"
        found.append(Remains(what, partial(_forget, checkout, experiment)))
    if waiting := asked(checkout, "rev-parse", "--verify", "--quiet", WAITING):
        what = f"an experiment never began, which the next dvc exp run would run too: {_files_of(checkout, waiting)}"
        found.append(Remains(what, partial(told, checkout, "update-ref", "-d", WAITING)))
    temporary = checkout / ".dvc/tmp"
    grids = [folder for folder in temporary.glob("grids/*/") if not _runs(checkout, folder.name)]
    for folder in sorted([*temporary.glob("exps/tmp*/"), *temporary.glob("exps/standalone/tmp*/"), *grids]):
        hours = (time.time() - folder.stat().st_mtime) / 3600
        what = f"{folder}: an experiment was cut off there, {hours:.1f} hours ago"
        found.append(Remains(what, partial(shutil.rmtree, folder)))
    return found


def worktrees(checkout: Path) -> list[Path]:
    """The checkout and the others of its repository: they share git's stash and the refs of experiments."""
    lines = asked(checkout, "worktree", "list", "--porcelain").splitlines()
    return [checkout, *(Path(line.removeprefix("worktree ")) for line in lines if line.startswith("worktree "))]


def _runs(checkout: Path, grid: str) -> bool:
    """Whether a process of this machine runs a grid, and so holds its lock."""
    try:
        with FileLock(checkout / f"grids/logs/{grid}.lock", timeout=0):
            return False
    except Timeout:
        return True


def _branch_of_detached_head(checkout: Path) -> str | None:
    """The branch that DVC detached HEAD from, where neither has moved on since."""
    if asked(checkout, "symbolic-ref", "--quiet", "HEAD"):
        return None
    for message in asked(checkout, "reflog", "--format=%gs", "HEAD").splitlines():
        moved = DETACHED.match(message)
        if moved and (tip := asked(checkout, "rev-parse", "--verify", "--quiet", f"refs/heads/{moved[1]}")):
            return moved[1] if tip == moved[2] else None
        if not moved and not message.startswith(OF_AN_EXPERIMENT):
            return None
    return None


def _attach(checkout: Path, branch: str) -> None:
    told(checkout, "symbolic-ref", "-m", f"maskcon clean: put back on {branch}", "HEAD", f"refs/heads/{branch}")
    told(checkout, "reset", "--quiet")


def _edit_set_aside(checkout: Path) -> str | None:
    """The entry of git's stash that DVC made: at once after it took the lock that it still holds."""
    lock = _lock(checkout)
    try:
        held = "workspace" in json.loads(lock.read_bytes())["write"]
        since = int(lock.stat().st_mtime)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    entries = [line.split() for line in asked(checkout, "stash", "list", "--format=%H %ct").splitlines()]
    made = [name for name, seconds in entries if held and since <= int(seconds) < since + LONGEST]
    return made[-1] if made else None


def _bring_back(checkout: Path, edit: str) -> None:
    """What lies in the way is set aside in its turn, so that nothing is ever lost."""
    if not _holds(checkout, edit, "."):
        told(checkout, "stash", "push", "--quiet", "-m", "what a killed dvc exp run left; maskcon clean set it aside")
        told(checkout, "stash", "apply", "--quiet", "--index", edit)
    _drop(checkout, edit)
    _lock(checkout).unlink()  # by which the entry was found


def _forget(checkout: Path, experiment: str) -> None:
    """Remove the refs of a run; what it should have brought into the checkout and did not is kept in git's stash."""
    arrived = _holds(checkout, experiment, *NOT_WRITTEN_BY_IT) and (
        _holds(checkout, experiment, "dvc.lock") or not _holds(checkout, "HEAD", "dvc.lock")
    )
    kept = experiment in _stashed(checkout)
    if arrived and kept:
        _drop(checkout, experiment)
    elif not arrived and not kept:
        told(checkout, "stash", "store", "-m", "edits and values of a killed dvc exp run", experiment)
    for name in ("EXEC_BASELINE", "EXEC_BRANCH", "EXEC_MERGE"):
        told(checkout, "update-ref", "--no-deref", "-d", f"refs/exps/exec/{name}")


def _holds(checkout: Path, commit: str, *files: str) -> bool:
    """Whether files are as in a commit. Raises: UserError, where git cannot tell: no edit is dropped on a guess."""
    return not told(checkout, "diff", "--name-only", commit, "--", *files)


def _files_of(checkout: Path, stashed: str) -> str:
    changed = asked(checkout, "diff", "--name-only", f"{stashed}^1", stashed, "--", ".", ":(exclude).dvc/tmp")
    return shown(changed.splitlines()) or "no file"


def _stashed(checkout: Path) -> list[str]:
    return asked(checkout, "stash", "list", "--format=%H").splitlines()


def _drop(checkout: Path, entry: str) -> None:
    told(checkout, "stash", "drop", "--quiet", f"stash@{{{_stashed(checkout).index(entry)}}}")


def _lock(checkout: Path) -> Path:
    return checkout / ".dvc/tmp/exps/rwlock"

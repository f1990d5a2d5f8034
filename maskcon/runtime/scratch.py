"""Folders for what an interrupted stage leaves to the next run of it; outside of what DVC removes before a stage.

with scratch_folder(Path(".scratch"), name, work="training maskcon seed 1") as folder:
    ...                                     # state that the same work finds again
    discard(folder)                         # once it is done

ROOT/NAME-1/            state of the work called NAME; NAME-2 where the same work runs twice at once
ROOT/NAME-1.lock        held by the process that works there; its end, however it ends, lets go of it
ROOT/NAME-1.json        what the work is, and the process that began it last
ROOT/choosing.lock      held for moments, while a folder is chosen or removed
"""

import contextlib
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from maskcon.runtime.atomic_files import CannotWrite, remove_unfinished, write_json

WAIT_SECONDS = 10.0  # for the same work left by a dvc that was killed, which ends by itself: see interruption.py
LOOK_SECONDS = 0.2


@contextlib.contextmanager
def scratch_folder(root: Path, name: str, work: str, wait: float = WAIT_SECONDS) -> Iterator[Path]:
    """A folder where work called ``name`` keeps its state, locked.

    The name holds all that determines the work (code, parameters, data), so that no other resumes from it. Should the
    same work be running already, this one waits a little, then says so and gets a folder of its own.

    Args:
        work: what it is, for a person.
        wait: seconds.

    Raises:
        CannotWrite: the folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder, lock = _choose(root, name, wait)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise CannotWrite(root, error) from error
    try:
        remove_unfinished(folder)
        write_json(_about(folder), {"work": work, "process": os.getpid()})
        yield folder
    finally:
        with _choosing(root):
            if not folder.exists():
                _forget(folder)
            lock.release()


def discard(folder: Path) -> None:
    """Remove a scratch folder from inside its block. It loses its name first: a half of it is never gone on from."""
    nameless = folder.with_name(f"{folder.name}.done")
    shutil.rmtree(nameless, ignore_errors=True)  # of a process that was killed right here
    folder.rename(nameless)
    shutil.rmtree(nameless)


@dataclass(frozen=True)
class Leftover:
    """A scratch folder that somebody works in, or that was left."""

    folder: Path
    work: str
    in_use: bool  # somebody works there now
    process: int | None  # that began it last
    size: int  # bytes
    age: float  # seconds since anything in it was written


def leftovers(root: Path) -> list[Leftover]:
    """All scratch folders, those in use among them, sorted by name."""
    found = []
    for folder in sorted(path for path in root.glob("*") if path.is_dir()):
        files = [path.stat() for path in (folder, *folder.rglob("*"))]
        size, age = sum(file.st_size for file in files), time.time() - max(file.st_mtime for file in files)
        work, process = _read_about(folder)
        with _choosing(root), _locked(folder) as free:
            found.append(Leftover(folder, work, not free, process, size, age))
    return found


def remove(leftover: Leftover) -> bool:
    """Remove a scratch folder, unless somebody works in it; says whether it is gone."""
    with _choosing(leftover.folder.parent), _locked(leftover.folder) as free:
        if free:
            discard(leftover.folder)
            _forget(leftover.folder)
        return free


def _choose(root: Path, name: str, wait: float) -> tuple[Path, FileLock]:
    """The first folder of that name which nobody works in, and its lock, held."""
    end = time.monotonic() + wait
    while True:
        with _choosing(root):
            for number in itertools.count(1):
                folder = root / f"{name}-{number}"
                lock = FileLock(_lock_file(folder))
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    if time.monotonic() < end:
                        break
                    work, process = _read_about(folder)
                    print(f"{work} is running already, as process {process}; this one has no part in it", flush=True)
                    continue
                return folder, lock
        time.sleep(LOOK_SECONDS)


def _choosing(root: Path) -> FileLock:
    """Without it, one process could lock a file that another is about to remove."""
    return FileLock(root / "choosing.lock")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder, where it is free; says whether it was."""
    lock = FileLock(_lock_file(folder))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _forget(folder: Path) -> None:
    _about(folder).unlink(missing_ok=True)
    _lock_file(folder).unlink(missing_ok=True)


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _about(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _read_about(folder: Path) -> tuple[str, int | None]:
    try:
        about = json.loads(_about(folder).read_text())
        return str(about["work"]), int(about["process"])
    except (OSError, ValueError, KeyError, TypeError):
        return folder.name, None

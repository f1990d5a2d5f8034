"""Folders for what an interrupted stage leaves to the next run of it; outside of what DVC removes before a stage."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout


@contextlib.contextmanager
def scratch_folder(root: Path, name: str) -> Iterator[Path]:
    """A folder where work called ``name`` keeps its state, locked.

    The name holds all that determines the work (code, parameters, data), so that no other resumes from it. Should the
    same work be running already, this one gets a folder of its own.
    """
    root.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = root / f"{name}-{number}"
        lock = FileLock(folder.with_suffix(".lock"))
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            continue
        with held:
            folder.mkdir(exist_ok=True)
            yield folder
        return

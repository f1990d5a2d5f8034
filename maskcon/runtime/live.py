"""Curves in MLflow while training runs, without training knowing of MLflow.

    with show_live_curves(curve, checkout=Path("."), enabled=parameters.track.live):
        ...  # append to, or replace, the table at ``curve`` after each epoch

A process of its own (maskcon/tracking/follower.py) reads the table as it grows. Training starts it, and never
waits for it: a store that is slow, locked or gone costs the live curves alone, since the stage track records
everything from the files in the end. The process ends by itself when the block ends or training is killed.

The table is a CSV with a header and the columns epoch and seconds, as plots/pretrain.csv; a line counts once it has
its end. The file need not exist yet.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
DONE = "done"  # said at an orderly end; a pipe that closes without it means that training was killed


@contextlib.contextmanager
def show_live_curves(curve: Path, checkout: Path, enabled: bool) -> Iterator[None]:
    """Show the table at ``curve`` in MLflow while the block runs, of the run whose params.yaml lies in ``checkout``."""
    if not enabled:
        yield
        return
    follower = _start(curve, checkout)
    orderly = False
    try:
        yield
        orderly = True
    finally:
        _end(follower, orderly)


def _start(curve: Path, checkout: Path) -> subprocess.Popen:
    paths = [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
    follower = subprocess.Popen(
        [sys.executable, "-m", "maskcon.tracking.follower"],
        stdin=subprocess.PIPE,
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        start_new_session=True,  # Ctrl-C is for training; the follower sees its pipe close
        text=True,
    )
    follower.stdin.write(json.dumps({"curve": str(curve.resolve())}) + "\n")
    follower.stdin.flush()
    return follower


def _end(follower: subprocess.Popen, orderly: bool) -> None:
    """Tell the follower that nothing more will come. It writes what is left after training has gone on."""
    with contextlib.suppress(OSError):  # it has ended before: a broken pipe
        if orderly:
            follower.stdin.write(DONE + "\n")
        follower.stdin.close()

"""The process that shows the curves of a training in MLflow while it runs; started by maskcon/runtime/live.py.

    {"curve": "/path/curve.csv"} | python -m maskcon.tracking.follower

It reads that line from its standard input and ends when the input does. The run it fills is the one that the stage
track will complete, found by the hash of the inputs; a run that it leaves is RUNNING after an orderly end, KILLED
where training was killed, and RUNNING again when training is taken up.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import load_parameters
from maskcon.runtime.live import DONE
from maskcon.tracking.outcome import TRAINING, Point, curve_points
from maskcon.tracking.record import Inputs, is_complete, log_points, open_run
from maskcon.tracking.store import Store, StoreError, find_store

LOOK_SECONDS = 1.0
RETRY_SECONDS = 60.0  # after the store failed


class Pipe:
    """Standard input, watched: ``ended`` is set when training ends, ``orderly`` where it said so."""

    def __init__(self, lines):
        self.ended = threading.Event()
        self.orderly = False
        threading.Thread(target=self._watch, args=(lines,), daemon=True).start()

    def _watch(self, lines) -> None:
        for line in lines:
            if line.strip() == DONE:  # do not wait for the end: a child of training may hold the pipe open
                self.orderly = True
                break
        self.ended.set()


def follow_table(curve: Path, store: Store, inputs: Inputs, pipe: Pipe) -> None:
    """Log the rows of ``curve`` as they come, until training ends. A store that fails is tried again in a while."""
    warned = False
    while True:
        try:
            with store.writing(inputs.hash, wait=0):
                _log_until_the_end(curve, store, inputs, pipe)
            return
        except StoreError as error:
            if not warned:
                print(
                    f"warning: no live curves for now: {error}. Training goes on; the stage track records it all.",
                    file=sys.stderr,
                    flush=True,
                )
                warned = True
            if pipe.ended.wait(RETRY_SECONDS):
                return


def _log_until_the_end(curve: Path, store: Store, inputs: Inputs, pipe: Pipe) -> None:
    with store.opened() as client:
        run = open_run(store, client, inputs)
        if is_complete(run):
            return
        client.update_run(run.info.run_id, status="RUNNING")
        seen, logged = None, set()
        ended = False
        while not ended:
            ended = pipe.ended.wait(LOOK_SECONDS)  # looks once more after the end
            if (state := _state(curve)) == seen:
                continue
            points = [point for point in _points_so_far(curve) if (point.name, point.epoch) not in logged]
            log_points(client, client.get_run(run.info.run_id), points)
            logged |= {(point.name, point.epoch) for point in points}
            seen = state
        if not pipe.orderly:
            client.set_terminated(run.info.run_id, "KILLED")


def _state(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is appended to or replaced."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _points_so_far(curve: Path) -> list[Point]:
    """Nothing while the file is missing or is being written; the next look, or the stage track, will have it."""
    try:
        return curve_points(curve, TRAINING)
    except (OSError, ValueError, KeyError):
        return []


def main(lines, checkout: Path, environment: Mapping[str, str]) -> None:
    os.nice(10)  # training needs the cores more
    curve = Path(json.loads(next(lines))["curve"])
    pipe = Pipe(lines)
    try:
        inputs = Inputs.of(checkout, load_parameters(checkout / "params.yaml"))
    except UserError as error:
        print(f"warning: no live curves: {error}. Training goes on.", file=sys.stderr, flush=True)
        return
    store = find_store(Path(environment.get("DVC_ROOT") or checkout), environment)
    follow_table(curve, store, inputs, pipe)


if __name__ == "__main__":
    main(iter(sys.stdin), Path.cwd(), os.environ)

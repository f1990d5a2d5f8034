"""A piece of work in a process of its own: what it answers, its seconds, and the memory that the process had.

    found = in_own_process("benchmarks.scale.images:start", folder, {"held": False}, threads=1)

    seconds, processor_seconds          of the work; what it imports is there before
    anonymous_before, anonymous         MiB of memory that is the process's own, before the work and at most: all but
                                        the pages of mapped files, which the system takes away when it needs them
    resident                            MiB at most with those pages

With ``most_bytes`` the process may take no more than that beyond what it has before the work (RLIMIT_DATA, which counts
writable memory of its own and no mapped files): whatever asks for more gets an error.

As a program (``python -m benchmarks.scale.measuring FUNCTION FOLDER OPTIONS MOST_BYTES``) it is that process.
"""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from maskcon.runtime.entry import is_out_of_memory

STATUS = Path("/proc/self/status")
SAMPLING_SECONDS = 0.005
MEBIBYTE = 2**20
CHECKOUT = Path(__file__).resolve().parents[2]
Row = dict[str, Any]


class FailedWork(RuntimeError):
    """The process ended with an error; its last lines."""


def in_own_process(
    function: str, folder: Path, options: Row | None = None, threads: int = 1, most_bytes: int | None = None
) -> Row:
    """What ``function``, "module:name", answers when it is called with the folder and the options, and what it took.

    Where it needed more than ``most_bytes``, the row has "status": "out of memory" and no answer.
    """
    words = [function, str(folder), json.dumps(options or {}), str(most_bytes or 0)]
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale.measuring", *words],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env=os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if finished.returncode != 0:
        raise FailedWork(f"{function} of {folder}: {finished.stderr[-800:]}")
    return json.loads(finished.stdout.splitlines()[-1])


@dataclass(frozen=True)
class Lap:
    """Seconds."""

    clock: float
    processor: float  # of all threads; with one, what the clock would say with nobody else and no disk to wait for

    def __add__(self, other: "Lap") -> "Lap":
        return Lap(self.clock + other.clock, self.processor + other.processor)

    def __truediv__(self, number: int) -> "Lap":
        return Lap(self.clock / number, self.processor / number)

    def as_columns(self, name: str) -> dict[str, float]:
        return {f"{name}_seconds": round(self.clock, 5), f"{name}_processor_seconds": round(self.processor, 5)}


class StopWatch:
    def __init__(self) -> None:
        self._last = time.perf_counter(), time.process_time()

    def lap(self) -> Lap:
        """What went by since the last lap."""
        before, self._last = self._last, (time.perf_counter(), time.process_time())
        return Lap(self._last[0] - before[0], self._last[1] - before[1])


class AnonymousMemory:
    """The most that this process has of it while the block lasts, by looking often."""

    def __enter__(self) -> "AnonymousMemory":
        self.mebibytes, self._done = _mebibytes("RssAnon"), threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.wait(SAMPLING_SECONDS):
            self._look()

    def _look(self) -> None:
        self.mebibytes = max(self.mebibytes, _mebibytes("RssAnon"))


def _mebibytes(field: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def main() -> None:
    function, folder, options, most_bytes = sys.argv[1:]
    module, name = function.split(":")
    work = getattr(import_module(module), name)
    before = _mebibytes("RssAnon")
    if int(most_bytes):
        limit = int(_mebibytes("VmData") * MEBIBYTE) + int(most_bytes)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    watch = StopWatch()
    with AnonymousMemory() as memory:
        try:
            found = {"status": "done", **work(Path(folder), **json.loads(options))}
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            found = {"status": "out of memory"}
    whole = watch.lap()
    taken = {
        "seconds": round(whole.clock, 3),
        "processor_seconds": round(whole.processor, 3),
        "anonymous_before": round(before, 1),
        "anonymous": round(memory.mebibytes, 1),
        "resident": round(_mebibytes("VmHWM"), 1),
    }
    print(json.dumps(found | taken))


if __name__ == "__main__":
    main()

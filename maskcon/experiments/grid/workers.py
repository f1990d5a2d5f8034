"""Workers that run DVC experiments side by side, each in a temporary folder of its own with a log of its own.

for finished in run_experiments(experiments, workers=2, checkout=Path(".")):
    finished.experiment, finished.succeeded, finished.seconds

``dvc exp run --temp`` rather than DVC's own queue: its workers outlive an interruption, and what failed in it has to be
sorted out by hand. An interruption ends the experiments in flight and no others; training that was cut short goes on
from its last checkpoint when it is run again. DVC holds the lock of the checkout while an experiment begins and while
its results are gathered, and gives up after three seconds of waiting for it: so one begins at a time, and one that
could not have the lock is started again.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

EXPERIMENT = (sys.executable, "-m", "dvc", "exp", "run", "--temp")
LOOK_SECONDS = 0.2
BEGUN = b"Running stage "  # in the log of an experiment that has given the lock back
LOCKED = b"Unable to acquire lock"
MOST_STARTS = 20
PATIENCE_SECONDS = 10.0  # between the request to end and the kill
LAST_LINES = 3


@dataclass(frozen=True)
class Experiment:
    """What a worker runs."""

    name: str
    overrides: tuple[str, ...]
    data: str  # what it has in common with those that need the same packed set
    log: Path


@dataclass(frozen=True)
class Finished:
    experiment: Experiment
    succeeded: bool
    seconds: float


@dataclass
class _InFlight:
    experiment: Experiment
    process: subprocess.Popen
    began: float = field(default_factory=time.monotonic)

    @property
    def is_beginning(self) -> bool:
        """True as long as it may hold DVC's lock."""
        return self.process.poll() is None and BEGUN not in self.experiment.log.read_bytes()

    @property
    def found_it_locked(self) -> bool:
        return self.process.returncode != 0 and LOCKED in self.experiment.log.read_bytes()


def run_experiments(
    experiments: Iterable[Experiment],
    workers: int,
    checkout: Path,
    packed: Iterable[str] = (),
    may_begin: Callable[[Experiment], bool] = lambda experiment: True,
) -> Iterator[Finished]:
    """Run them, at most ``workers`` at once, and hand each on when it has ended.

    The first of those that share an image set goes alone, unless the set is among those ``packed``: it packs the set,
    and the others find it in DVC's cache.

    Args:
        may_begin: asked right before an experiment begins; one that may not is passed over.
    """
    waiting, flying = list(experiments), []
    known, starts = set(packed), Counter()
    try:
        while waiting or flying:
            for flight in [flight for flight in flying if flight.process.poll() is not None]:
                flying.remove(flight)
                _end_all_of(flight.process)  # a killed dvc leaves its stage behind
                if flight.found_it_locked and starts[flight.experiment] < MOST_STARTS:
                    waiting.insert(0, flight.experiment)
                    continue
                known.add(flight.experiment.data)
                seconds = time.monotonic() - flight.began
                yield Finished(flight.experiment, flight.process.returncode == 0, seconds)
            beginning = any(flight.is_beginning for flight in flying)
            if not beginning and len(flying) < workers and (one := _next(waiting, flying, known)):
                waiting.remove(one)
                if starts[one] or may_begin(one):
                    starts[one] += 1
                    flying.append(_InFlight(one, _start(one, workers, checkout)))
            time.sleep(LOOK_SECONDS)
    finally:
        _interrupt([flight.process for flight in flying])


def _next(waiting: list[Experiment], flying: list[_InFlight], packed: set[str]) -> Experiment | None:
    packing = {flight.experiment.data for flight in flying} - packed
    return next((one for one in waiting if one.data not in packing), None)


def _start(experiment: Experiment, workers: int, checkout: Path) -> subprocess.Popen:
    words = [*EXPERIMENT]
    for override in experiment.overrides:
        words += ["-S", override]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    threads = str(max(1, (os.cpu_count() or 1) // workers))  # more would only wait for one another
    experiment.log.parent.mkdir(parents=True, exist_ok=True)
    with open(experiment.log, "wb") as log:
        return subprocess.Popen(
            words,
            cwd=checkout,
            env={"OMP_NUM_THREADS": threads, **os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C comes to the grid, which ends its experiments in order
        )


def _interrupt(processes: list[subprocess.Popen]) -> None:
    """End them as Ctrl-C would, and what does not listen at once."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
    end = time.monotonic() + PATIENCE_SECONDS
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, end - time.monotonic()))
        _end_all_of(process)
        process.wait()


def _end_all_of(process: subprocess.Popen) -> None:
    """Kill whatever is left of the process and its children."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def last_words(log: Path) -> str:
    """The last lines of a log, in one: most often why an experiment failed."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-LAST_LINES:])

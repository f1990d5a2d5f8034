"""A grid from its first run to its last: what is on record is not run again, what fails is listed.

outcome = run_grid(grid, store, checkout, workers=2, say=print)

The store says how the grid stands. Where several machines share it, each runs what nobody else has or runs
(maskcon/experiments/grid/claims.py), and waits in the end for what the others still run.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from maskcon.experiments.grid.claims import LEASE_SECONDS, Claims
from maskcon.experiments.grid.grid_file import Grid
from maskcon.experiments.grid.on_record import GridRecord, NoPhotos, choose_values
from maskcon.experiments.grid.trials import Chosen, Trial, number_to_score, trials_to_choose, trials_to_score
from maskcon.experiments.grid.workers import Experiment, last_words, run_experiments
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_json
from maskcon.tracking.store import Store, StoreError

LOGS = Path("grids/logs")  # of experiments, and what failed last
LOOK_SECONDS = 10.0  # between two looks at a store that is gone, or at what others run
PATIENCE_SECONDS = 600.0  # with a shared store that is gone
Answer = TypeVar("Answer")
NOT_ON_RECORD = (
    "it ended, but no complete run has its inputs: the store could not be written, or code changed meanwhile"
)


@dataclass(frozen=True)
class Outcome:
    """How a grid stands at the end of a call."""

    complete: int
    wanted: int
    failed: dict[str, str]  # label of the trial -> its log
    chosen: Chosen


def run_grid(
    grid: Grid,
    store: Store,
    checkout: Path,
    workers: int,
    say: Callable[[str], None],
    only_failed: bool = False,
    lease: float = LEASE_SECONDS,
) -> Outcome:
    """Choose, score, and record what each run is in the grid.

    Args:
        only_failed: run again what failed in the last call, and nothing else.
        lease: seconds after which other machines take over what this one ran, should it die.

    Raises:
        UserError: the grid asks for what cannot be composed, or another process runs it.
        StoreError: the store cannot be used.
    """
    with _alone(checkout / LOGS / f"{grid.name}.lock", grid):
        return _Running(grid, store, checkout, workers, say, only_failed, lease).run()


def preview(grid: Grid, store: Store, checkout: Path) -> Iterator[str]:
    """The commands of what is still to be run, as lines for a shell, with what they depend on as comments.

    Without the photos nothing is known to be complete: a comment says so, and all commands follow.

    Raises:
        UserError, StoreError: as ``run_grid``.
    """
    record = GridRecord(store, checkout, grid)
    choosing = trials_to_choose(grid)
    remarks: dict[str, None] = {}  # in order, each once
    measured = _complete_as_far_as_known(record, choosing, remarks)
    chosen = choose_values(grid, measured)
    scoring = trials_to_score(grid, chosen)
    measured |= _complete_as_far_as_known(record, scoring, remarks)
    yield from remarks
    yield f"# {grid.name}: {len(measured)} of {len(choosing) + number_to_score(grid)} runs are complete"
    for trial in [*choosing, *scoring]:
        if trial not in measured:
            yield f"{trial.command}  # {trial.label}"
    unknown = number_to_score(grid) - len(scoring)
    if unknown:
        yield f"# then {unknown} runs on test, with the values that these choose"
    elif len(measured) < len(choosing) + len(scoring):
        yield "# start them with: dvc queue start -j 2"


def _complete_as_far_as_known(
    record: GridRecord, trials: list[Trial], remarks: dict[str, None]
) -> dict[Trial, dict[str, float]]:
    """Those complete; none where that cannot be known, for which there is a remark."""
    try:
        return record.complete(trials)
    except NoPhotos as error:
        remarks[f"# {error}"] = None
        remarks["# without the photos it is not known which runs are complete; all are listed"] = None
        return {}


class _Running:
    """The state of one call of ``run_grid``."""

    def __init__(
        self,
        grid: Grid,
        store: Store,
        checkout: Path,
        workers: int,
        say: Callable[[str], None],
        only_failed: bool,
        lease: float,
    ):
        self.grid, self.checkout, self.workers, self.say = grid, checkout, workers, say
        self.record = GridRecord(store, checkout, grid)
        self.failures = checkout / LOGS / grid.name / "failed.json"
        self.failed_before = _read_failures(self.failures)
        self.failed: dict[str, str] = {}
        self.only_failed = only_failed
        self.measured: dict[Trial, dict[str, float]] = {}
        self.wanted = len(trials_to_choose(grid)) + number_to_score(grid)
        self.clock = _Clock(workers)
        self.store, self.lease = store, lease
        self.claims: Claims | None = None  # only where others may run the same grid
        self.repeated: set[Trial] = set()

    def run(self) -> Outcome:
        with Claims(self.store, self.lease) if self.store.is_shared else contextlib.nullcontext() as self.claims:
            return self._choose_and_score()

    def _choose_and_score(self) -> Outcome:
        choosing = trials_to_choose(self.grid)
        self._check(choosing or trials_to_score(self.grid, {}))
        self._measure(choosing)
        chosen = choose_values(self.grid, self.measured)
        self._tell_choice(chosen)
        scoring = trials_to_score(self.grid, chosen)
        self._measure(scoring)
        self.record.unmark_others([*choosing, *scoring])
        return Outcome(len(self.measured), self.wanted, self.failed, chosen)

    def _check(self, trials: list[Trial]) -> None:
        """That every trial can be composed, before any is run."""
        labels: dict[str, list[str]] = {}  # by what is wrong
        for trial in trials:
            try:
                self.record.parameters(trial)
            except UserError as error:
                labels.setdefault(str(error), []).append(trial.label)
        problems = [
            f"{first}{f' and {len(others):,} more' if others else ''}: {error}"
            for error, (first, *others) in labels.items()
        ]
        if problems:
            raise UserError("\n".join(problems))

    def _measure(self, trials: list[Trial]) -> None:
        """Run those that are not on record, and mark all that are."""
        complete = self.record.complete(trials)
        for trial in complete:
            self._note(trial, complete[trial])
        missing = [trial for trial in trials if trial not in complete]
        if self.only_failed:
            missing = [trial for trial in missing if trial.label in self.failed_before]
        if trials:
            self.say(f"{trials[0].purpose}: {len(complete)} of {len(trials)} runs on record, {len(missing)} to run")
        while missing:
            not_recorded = self._run(missing)
            elsewhere = [trial for trial in missing if trial not in self.measured and trial.label not in self.failed]
            missing = not_recorded + self._left_by_others([one for one in elsewhere if one not in not_recorded])

    def _run(self, missing: list[Trial]) -> list[Trial]:
        """Run what nobody else runs. Returns what ended well without coming on record, to be run once more: all but the
        record of it is in DVC's cache."""
        experiments = {self._experiment(trial): trial for trial in missing}
        packed = {self._experiment(trial).data for trial in self.measured}
        not_recorded = []
        for finished in run_experiments(
            experiments, self.workers, self.checkout, packed, lambda experiment: self._take(experiments[experiment])
        ):
            trial = experiments[finished.experiment]
            self.clock.ended(finished.seconds)
            try:
                metrics = self._patiently(self._ended, trial)
            except StoreError as error:  # the others are still in flight
                self._fail(trial, finished.experiment.log, str(error))
                continue
            if metrics is not None:
                self._tell(trial, metrics, finished.seconds)
            elif finished.succeeded and trial not in self.repeated:
                self.repeated.add(trial)
                not_recorded.append(trial)
            else:
                why = NOT_ON_RECORD if finished.succeeded else last_words(finished.experiment.log)
                self._fail(trial, finished.experiment.log, why)
        return not_recorded

    def _ended(self, trial: Trial) -> dict[str, float] | None:
        """What is on record counts, however dvc ended."""
        metrics = self.record.complete([trial]).get(trial)
        if metrics is not None:
            self._note(trial, metrics)
        if self.claims:
            self.claims.give_back(self.record.inputs_hash(trial))
        return metrics

    def _take(self, trial: Trial) -> bool:
        """True where this process is to run it: nobody else does, or has done so meanwhile."""
        if self.claims is None:
            return True
        name, inputs_hash = self.record.parameters(trial).data.name, self.record.inputs_hash(trial)
        if not self._patiently(self.claims.take, name, inputs_hash):
            return False
        if self._patiently(self.record.complete, [trial]):
            self._patiently(self.claims.give_back, inputs_hash)
            return False
        return True

    def _left_by_others(self, trials: list[Trial]) -> list[Trial]:
        """Wait for what others run. Returns, at the first that they have not completed, all that is still missing."""
        told = False
        while trials:
            complete = self._patiently(self.record.complete, trials)
            for trial in complete:
                self._note(trial, complete[trial])
            trials = [trial for trial in trials if trial not in complete]
            if not all(self._patiently(self._is_held, trial) for trial in trials):
                break
            if trials and not told:
                runs = "1 run that is" if len(trials) == 1 else f"{len(trials)} runs that are"
                self.say(f"waiting for {runs} at work on other machines")
                told = True
            time.sleep(LOOK_SECONDS if trials else 0)
        return trials

    def _is_held(self, trial: Trial) -> bool:
        return self.claims.held_by_another(self.record.parameters(trial).data.name, self.record.inputs_hash(trial))

    def _patiently(self, ask: Callable[..., Answer], *arguments: Any) -> Answer:
        """What the store answers; where it is gone, wait some minutes for it to come back.

        Raises:
            StoreError: it did not.
        """
        end, told = time.monotonic() + PATIENCE_SECONDS, False
        while True:
            try:
                return ask(*arguments)
            except StoreError as error:
                if time.monotonic() > end or not self.store.is_shared:
                    raise
                if not told:
                    self.say(f"waiting for the store: {error}")
                    told = True
                time.sleep(LOOK_SECONDS)

    def _experiment(self, trial: Trial) -> Experiment:
        data = self.record.parameters(trial).data.model_dump_json()
        name = re.sub(r"[^A-Za-z0-9=.]+", "-", trial.label)
        log = self.checkout / LOGS / self.grid.name / f"{name}-{self.record.inputs_hash(trial)[:8]}.log"
        return Experiment(name, trial.overrides, data, log)

    def _note(self, trial: Trial, metrics: dict[str, float]) -> None:
        self.measured[trial] = metrics
        tried = self.grid.methods[trial.method].values if self.grid.choose else []
        self.record.mark(trial, tried)
        if self.failed_before.pop(trial.label, None):
            self._keep_failures()

    def _fail(self, trial: Trial, log: Path, reason: str) -> None:
        self.failed[trial.label] = str(log)
        self._keep_failures()
        self.say(f"failed: {trial.label}: {reason}\n  log: {log}")

    def _keep_failures(self) -> None:
        write_json(self.failures, self.failed_before | self.failed)

    def _tell(self, trial: Trial, metrics: Mapping[str, float], seconds: float) -> None:
        name = self.grid.choose.metric if self.grid.choose else "recall_at_1"
        value = f"{name} {metrics[name]:.3f}, " if name in metrics else ""
        left = self.wanted - len(self.measured) - len(self.failed)
        progress = f"[{len(self.measured)}/{self.wanted}]"
        self.say(f"{progress} {trial.label}: {value}{seconds:.0f} s; {self.clock.left(left)}")

    def _tell_choice(self, chosen: Chosen) -> None:
        for (dataset, method), values in chosen.items():
            words = ", ".join(f"{name}={value}" for name, value in values.items()) or "the preset's values"
            self.say(f"chosen on {dataset} for {method}: {words}")
        if self.grid.choose:
            sources = {self.grid.chosen_on(name) for name in self.grid.datasets}
            for dataset in sorted(sources):
                for method in self.grid.methods:
                    if (dataset, method) not in chosen:
                        self.say(f"not chosen on {dataset} for {method}: not all of its values are measured")


class _Clock:
    """Time left, from what the runs so far took."""

    def __init__(self, workers: int):
        self.workers = workers
        self.durations: list[float] = []

    def ended(self, seconds: float) -> None:
        self.durations.append(seconds)

    def left(self, runs: int) -> str:
        seconds = runs * sum(self.durations) / len(self.durations) / self.workers
        return f"about {seconds / 60:.0f} min left" if seconds >= 60 else f"about {seconds:.0f} s left"


def _read_failures(path: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text())
    return {}


@contextlib.contextmanager
def _alone(path: Path, grid: Grid) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"the grid {grid.name} is being run by another process here; wait for it, or stop it") from None
    try:
        yield
    finally:
        lock.release()

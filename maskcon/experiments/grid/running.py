"""A grid from its first run to its last: what is on record is not run again, what fails is listed.

outcome = run_grid(grid, store, checkout, LocalEngine(2, Workspaces(checkout, grid.name)), print)
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from maskcon.experiments.grid.engines import Engine, Experiment, last_words, run_experiments
from maskcon.experiments.grid.grid_file import Grid
from maskcon.experiments.grid.on_record import GridRecord, choose_values
from maskcon.experiments.grid.trials import Chosen, Trial, number_to_score, trials_to_choose, trials_to_score
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_json
from maskcon.tracking.store import Store, StoreError

LOGS = Path("grids/logs")  # of experiments
FAILURES = "failed.json"  # among the logs of a grid: what failed last
NOT_ON_RECORD = (
    "it ended well, but no complete run has its inputs: the store could not be written, or code changed meanwhile; "
    "run it again, its stages are in DVC's cache"
)


@dataclass(frozen=True)
class Outcome:
    """How a grid stands at the end of a call."""

    complete: int
    wanted: int
    failed: dict[str, str]  # label of the trial -> its log
    chosen: Chosen


def run_grid(
    grid: Grid, store: Store, checkout: Path, engine: Engine, say: Callable[[str], None], only_failed: bool = False
) -> Outcome:
    """Choose, score, and record what each run is in the grid.

    Args:
        only_failed: run again what failed in the last call, and nothing else.

    Raises:
        UserError: the grid asks for what cannot be composed, or another process runs it.
        StoreError: the store cannot be used.
    """
    (checkout / LOGS).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(checkout / LOGS / f"{grid.name}.lock", timeout=0):
            return _Running(GridRecord(store, checkout, grid), engine, say, only_failed).run()
    except Timeout:
        raise UserError(f"another process here runs the grid {grid.name}; wait for it, or stop it") from None


def preview(grid: Grid, store: Store, checkout: Path) -> Iterator[str]:
    """The commands of what is still to be run, as lines for a shell, with what they depend on as comments.

    Raises:
        UserError, StoreError: as ``run_grid``.
    """
    record = GridRecord(store, checkout, grid)
    choosing = trials_to_choose(grid)
    measured = record.complete(choosing)
    scoring = trials_to_score(grid, choose_values(grid, measured))
    measured |= record.complete(scoring)
    yield f"# {grid.name}: {len(measured)} of {len(choosing) + number_to_score(grid)} runs are complete"
    for trial in [*choosing, *scoring]:
        if trial not in measured:
            yield f"{trial.command}  # {trial.label}"
    unknown = number_to_score(grid) - len(scoring)
    if unknown:
        yield f"# then {unknown} runs on test, with the values that these choose"
    elif len(measured) < len(choosing) + len(scoring):
        yield "# start them with: dvc queue start -j 2"


class _Running:
    """The state of one call of ``run_grid``."""

    def __init__(self, record: GridRecord, engine: Engine, say: Callable[[str], None], only_failed: bool):
        self.record, self.grid, self.engine, self.say, self.only_failed = record, record.grid, engine, say, only_failed
        self.logs = record.checkout / LOGS / self.grid.name
        self.failed_before = _read_failures(self.logs / FAILURES)
        self.failed: dict[str, str] = {}
        self.measured: dict[Trial, dict[str, float]] = {}
        self.wanted = len(trials_to_choose(self.grid)) + number_to_score(self.grid)

    def run(self) -> Outcome:
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
        complete = self.record.complete(trials, mark=True)
        self._note(complete)
        missing = [trial for trial in trials if trial not in complete]
        if self.only_failed:
            missing = [trial for trial in missing if trial.label in self.failed_before]
        if trials:
            self.say(f"{trials[0].purpose}: {len(complete)} of {len(trials)} runs on record, {len(missing)} to run")
        experiments = {self._experiment(trial): trial for trial in missing}
        made = {self._experiment(trial).shared for trial in self.measured}
        for experiment, succeeded, seconds in run_experiments(experiments, self.engine, made):
            self._finish(experiments[experiment], experiment.log, succeeded, seconds)

    def _finish(self, trial: Trial, log: Path, succeeded: bool, seconds: float) -> None:
        """What is on record counts, however dvc ended."""
        try:
            if complete := self.record.complete([trial], mark=True):
                self._note(complete)
                self._tell(trial, complete[trial], seconds)
                return
            why = NOT_ON_RECORD if succeeded else last_words(log)
        except StoreError as error:  # the others are still running
            why = str(error)
        self.failed[trial.label] = str(log)
        self._keep_failures()
        self.say(f"failed: {trial.label}: {why}\n  log: {log}")

    def _experiment(self, trial: Trial) -> Experiment:
        name, hashes = re.sub(r"[^A-Za-z0-9=.]+", "-", trial.label), self.record.hashes(trial)
        values = self.record.parameters(trial).model_dump(mode="json")
        values["track"]["live"] = False  # curves are recorded at the end: a training may take seconds
        return Experiment(name, self.logs / f"{name}-{hashes['inputs'][:8]}.log", values, hashes)

    def _note(self, complete: Mapping[Trial, dict[str, float]]) -> None:
        self.measured |= complete
        if self.failed_before.keys() & (labels := {trial.label for trial in complete}):
            self.failed_before = {label: log for label, log in self.failed_before.items() if label not in labels}
            self._keep_failures()

    def _keep_failures(self) -> None:
        write_json(self.logs / FAILURES, self.failed_before | self.failed)

    def _tell(self, trial: Trial, metrics: Mapping[str, float], seconds: float) -> None:
        name = self.grid.choose.metric if self.grid.choose else "recall_at_1"
        value = f"{name} {100 * metrics[name]:.1f}%, " if name in metrics else ""
        self.say(f"[{len(self.measured)}/{self.wanted}] {trial.label}: {value}{seconds:.0f} s")

    def _tell_choice(self, chosen: Chosen) -> None:
        for (dataset, method), values in chosen.items():
            words = ", ".join(f"{name}={value}" for name, value in values.items()) or "the preset's values"
            self.say(f"chosen on {dataset} for {method}: {words}")
        for dataset, method in dict.fromkeys((trial.dataset, trial.method) for trial in trials_to_choose(self.grid)):
            if (dataset, method) not in chosen:
                self.say(f"not chosen on {dataset} for {method}: not all of its values are measured")


def _read_failures(path: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text())
    return {}

"""Where the trials of a grid run: in processes of this machine, or as jobs of a Slurm cluster.

    for experiment, succeeded, seconds in run_experiments(experiments, LocalEngine(2, Workspaces(Path("."), "mine"))):
        ...

Either runs trial.py in a workspace, with a log of its own.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskcon.experiments.grid.workspace import Workspaces
from maskcon.parameters.errors import UserError

if TYPE_CHECKING:
    from submitit import Job

TRIAL = (sys.executable, "-m", "maskcon.experiments.grid.trial")
PATIENCE_SECONDS = 10.0  # between the request to end and the kill
LAST_LINES = 3
JOB_MINUTES = 12 * 60  # where --slurm names no time; submitit's own are 5


@dataclass(frozen=True)
class Experiment:
    """One run."""

    name: str
    log: Path
    parameters: Mapping[str, Any] = field(hash=False)
    hashes: Mapping[str, str] = field(hash=False)  # of its inputs, see on_record.py

    @property
    def shared(self) -> str:
        """What it has in common with those that need the same images and features."""
        return self.hashes["features"]


def run_experiments(
    experiments: Iterable[Experiment], engine: Engine, made: Iterable[str] = ()
) -> Iterator[tuple[Experiment, bool, float]]:
    """Run them, and hand each on when it has ended, with whether it succeeded, and its seconds. Whatever ends this
    early ends what is running.

    The first of those that share images and features goes alone, unless these are among those ``made``: it makes them,
    and the others find them in DVC's cache.
    """
    waiting, began, known = list(experiments), {}, set(made)

    def can_begin(experiment: Experiment) -> bool:
        return experiment.shared in known or all(experiment.shared != other.shared for other in began)

    try:
        while waiting or began:
            for experiment, succeeded in engine.ended().items():
                known.add(experiment.shared)
                yield experiment, succeeded, time.monotonic() - began.pop(experiment)
            while engine.has_room() and (experiment := next(filter(can_begin, waiting), None)):
                waiting.remove(experiment)
                experiment.log.unlink(missing_ok=True)  # of an earlier call
                engine.start(experiment)
                began[experiment] = time.monotonic()
            time.sleep(engine.look_seconds)
    finally:
        engine.end_all()


class LocalEngine:
    """At most ``workers`` processes at once, which share the cores; each of them has a workspace."""

    look_seconds = 0.2  # between two looks

    def __init__(self, workers: int, workspaces: Workspaces):
        self.workspaces = workspaces
        self.running: dict[str, Experiment | None] = {str(place): None for place in range(workers)}  # by workspace
        self.processes: dict[str, subprocess.Popen] = {}
        # More threads would only wait for one another.
        self.threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // workers))}

    def has_room(self) -> bool:
        return None in self.running.values()

    def start(self, experiment: Experiment) -> None:
        name = next(name for name, of in self.running.items() if of is None)
        workspace = self.workspaces.prepared(name, experiment.parameters, experiment.hashes)
        if name not in self.processes or self.processes[name].poll() is not None:
            environment = {**self.threads, **os.environ, **self.workspaces.environment()}
            # Ctrl-C comes to the grid, which ends its experiments in order.
            self.processes[name] = _trial_process(workspace, environment, own_session=True)
        _ask(self.processes[name], experiment.log)
        self.running[name] = experiment

    def ended(self) -> dict[Experiment, bool]:
        """Those that have ended since the last call, and whether they succeeded."""
        over = {}
        for name, experiment in self.running.items():
            if experiment is None:
                continue
            process = self.processes[name]
            if select.select([process.stdout], [], [], 0)[0]:
                answer = process.stdout.readline()  # its exit code; nothing from a process that was killed
                over[experiment] = answer == b"0\n"
                self.running[name] = None
                if not over[experiment]:  # a killed run leaves its dvc behind
                    _end(process)
        return over

    def end_all(self) -> None:
        for process in self.processes.values():
            process.stdin.close()
            _signal_all_of(process, signal.SIGINT)
        end = time.monotonic() + PATIENCE_SECONDS
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))
            _end(process)
        self.workspaces.remove()


def _end(process: subprocess.Popen) -> None:
    _signal_all_of(process, signal.SIGKILL)
    process.wait()


def _signal_all_of(process: subprocess.Popen, number: int) -> None:
    """To the process and its children."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


class SlurmEngine:
    """One job per run, each with a workspace, submitted from a checkout on a file system that the nodes share.

    Args:
        options: of sbatch, by the names that submitit has for them: {"partition": "main", "time": 120}.
        folder: of submitit's own files.

    Raises:
        UserError: submitit is not installed, there is no Slurm here, or an option is unknown.
    """

    look_seconds = 5.0

    def __init__(self, options: Mapping[str, int | str], folder: Path, workspaces: Workspaces):
        try:
            import submitit
        except ImportError:
            raise UserError("--engine slurm needs submitit; call: pip install submitit") from None
        wanted = {"time": JOB_MINUTES, **options}
        try:
            self.executor = submitit.AutoExecutor(folder, cluster="slurm")
            self.executor.update_parameters(name="maskcon", **{f"slurm_{name}": of for name, of in wanted.items()})
        except RuntimeError:
            raise UserError("--engine slurm: this machine has no sbatch; run it where jobs are submitted") from None
        except NameError as error:
            raise UserError(f"--slurm: {str(error).splitlines()[0]}") from None
        self.workspaces = workspaces
        self.running: dict[Experiment, Job] = {}

    def has_room(self) -> bool:
        return True  # Slurm's queue holds them

    def start(self, experiment: Experiment) -> None:
        workspace = self.workspaces.prepared(experiment.name, experiment.parameters, experiment.hashes)
        environment = self.workspaces.environment()
        self.running[experiment] = self.executor.submit(_run_job, workspace, environment, experiment.log)

    def ended(self) -> dict[Experiment, bool]:
        """A job has ended when it has left its result, or the queue: a killed one leaves none, and submitit would ask
        Slurm's accounting, which small clusters lack."""
        queued = self._queued() if self.running else set()
        over = {
            one: job.paths.result_pickle.exists()
            for one, job in self.running.items()
            if job.paths.result_pickle.exists() or (queued is not None and job.job_id not in queued)
        }
        return {one: left_result and self._succeeded(self.running.pop(one)) for one, left_result in over.items()}

    @staticmethod
    def _succeeded(job: Job) -> bool:
        return job.exception() is None and job.result()

    @staticmethod
    def _queued() -> set[str] | None:
        """The ids of this person's jobs that wait or run; None where Slurm does not answer."""
        asked = subprocess.run(["squeue", "--noheader", "--me", "--format=%A"], capture_output=True, text=True)
        return set(asked.stdout.split()) if asked.returncode == 0 else None

    def end_all(self) -> None:
        for job in self.running.values():
            job.cancel()
        self.workspaces.remove()


def _run_job(workspace: Path, environment: Mapping[str, str], log: Path) -> bool:
    """Whether the trial succeeded."""
    process = _trial_process(workspace, {**os.environ, **environment})
    _ask(process, log)
    return process.communicate()[0] == b"0\n"


def _trial_process(workspace: Path, environment: Mapping[str, str], own_session: bool = False) -> subprocess.Popen:
    return subprocess.Popen(
        TRIAL,
        cwd=workspace,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=own_session,
    )


def _ask(process: subprocess.Popen, log: Path) -> None:
    """For one run, with its log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(BrokenPipeError):  # a process that has ended answers nothing
        process.stdin.write(f"{log.resolve()}\n".encode())


Engine = LocalEngine | SlurmEngine


def last_words(log: Path) -> str:
    """The last lines of a log, in one: most often why an experiment failed."""
    if not log.exists():
        return "it ended before it began"
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-LAST_LINES:])

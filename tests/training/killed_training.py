"""Trainings in processes of their own, to be killed: by themselves at a step or within a write, or by a timer.

    nursery = Nursery()
    child = nursery.start(training_set, parameters, folder, Death(at_step=7))
    child.join()

The processes are forked from one that has imported torch and has done nothing yet, so that each begins in milliseconds.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from maskcon.images.packed.image_set import TrainingSet
from maskcon.parameters.model import Parameters, check_parameters
from maskcon.runtime import atomic_files
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import Watcher, train

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Death:
    """Where a training kills itself with SIGKILL, at most at one of these; nowhere by default."""

    at_step: int | None = None  # so many steps after it began
    in_write: str = ""  # a name in WRITES
    of_write: int = 2  # in which write, from 1


class Dying(Watcher):
    def __init__(self, at_step: int | None):
        self.steps_left = at_step

    def step_done(self, epoch: int, loss: torch.Tensor) -> None:
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left == 0:
                die()


class Nursery:
    def __init__(self):
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.training.killed_training"])
        with pytest.MonkeyPatch.context() as patch:  # it looks for modules there alone
            patch.setenv("PYTHONPATH", str(REPOSITORY))
            ensure_running()

    def start(
        self, training_set: TrainingSet, parameters: Parameters, folder: Path, death: Death | None = None
    ) -> BaseProcess:
        child = self.context.Process(
            target=_train, args=(training_set, parameters.model_dump(), folder, death or Death())
        )
        child.start()
        return child


def _train(training_set: TrainingSet, values: dict[str, Any], folder: Path, death: Death) -> None:
    torch.set_num_threads(1)
    if death.in_write:
        WRITES[death.in_write](death.of_write)
    train(training_set, check_parameters(values), torch.device("cpu"), Checkpoints(folder), Dying(death.at_step))


def same_bits(one: Path, other: Path) -> bool:
    """Whether the last checkpoints in two folders hold the same, but for times."""
    (curve, tensors), (other_curve, other_tensors) = _bits(one), _bits(other)
    return (
        curve == other_curve
        and tensors.keys() == other_tensors.keys()
        and all(torch.equal(tensor, other_tensors[name]) for name, tensor in tensors.items())
    )


def _bits(folder: Path) -> tuple[list[tuple[float, ...]], dict[Any, torch.Tensor]]:
    state = Checkpoints(folder).load_latest()
    curve = [(row["epoch"], row["loss"], row["learning_rate"]) for row in state["curve"]]
    momentum = {place: buffers["momentum_buffer"] for place, buffers in state["optimizer"]["state"].items()}
    return curve, state["learner"] | state["memory"] | momentum


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_before(owner: Any, name: str) -> Callable[[int], None]:
    """Kill the process in the place of the n-th call of a function."""

    def prepare(n: int) -> None:
        original, calls = getattr(owner, name), []

        def dying(*arguments: Any, **options: Any) -> Any:
            calls.append(1)
            if len(calls) == n:
                die()
            return original(*arguments, **options)

        setattr(owner, name, dying)

    return prepare


def _die_within_the_file(n: int) -> None:
    """Kill the process when half of the n-th file is on the disk."""
    original, calls = os.fsync, []

    def dying(descriptor: int) -> None:
        calls.append(1)
        if len(calls) == 2 * n - 1:  # each write flushes its file, and then its folder
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            original(descriptor)
            die()
        original(descriptor)

    os.fsync = dying


WRITES: dict[str, Callable[[int], None]] = {
    "half of the file is written": _die_within_the_file,
    "the file has no name yet": _die_before(os, "replace"),
    "the name is not flushed yet": _die_before(atomic_files, "_flush_folder"),
    "older ones are still there": lambda n: _die_before(Path, "unlink")(2 * n),  # the fourth: the first older one
}

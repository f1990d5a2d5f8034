"""Trainings in processes of their own, to be killed: by themselves at a step, or by a timer.

    nursery = Nursery()
    child = nursery.start(training_set, parameters, folder, dies_at_step=7)
    child.join()

The processes are forked from one that has imported torch and has done nothing yet, so that each begins in milliseconds.
"""

import multiprocessing
import os
import signal
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from maskcon.images.packed.image_set import TrainingSet
from maskcon.parameters.model import Parameters, check_parameters
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import Watcher, train

REPOSITORY = Path(__file__).resolve().parents[2]


class Dying(Watcher):
    def __init__(self, at_step: int | None):
        self.steps_left = at_step

    def step_done(self, epoch: int, loss: torch.Tensor) -> None:
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Nursery:
    def __init__(self):
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.training.killed_training"])
        with pytest.MonkeyPatch.context() as patch:  # it looks for modules there alone
            patch.setenv("PYTHONPATH", str(REPOSITORY))
            ensure_running()

    def start(
        self, training_set: TrainingSet, parameters: Parameters, folder: Path, dies_at_step: int | None = None
    ) -> BaseProcess:
        inputs = training_set, parameters.model_dump(), folder, dies_at_step
        child = self.context.Process(target=_train, args=inputs)
        child.start()
        return child


def _train(training_set: TrainingSet, values: dict[str, Any], folder: Path, dies_at_step: int | None) -> None:
    torch.set_num_threads(1)
    train(training_set, check_parameters(values), torch.device("cpu"), Checkpoints(folder), Dying(dies_at_step))


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

"""Everything that a training run is between two steps: what a checkpoint holds, no more and no less.

    state = TrainingState(learner, optimizer, EpochSoFar(device))
    checkpoints.save(steps, state.state_dict())
    state.load_state_dict(checkpoints.load_latest())

Randomness is not part of it: every draw has a generator of its own, named by the seed and the position (epoch, batch).
"""

import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from maskcon.training.learner import ContrastiveLearner


class EpochSoFar:
    """What the steps of the current epoch have added up to."""

    def __init__(self, device: torch.device):
        self.steps = 0
        self.loss_sum = torch.zeros((), device=device)
        self.started_at = time.perf_counter()

    def add(self, loss: Tensor) -> None:
        """Count one step with its loss, a scalar that stays on the device."""
        self.steps += 1
        self.loss_sum += loss

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started_at

    @property
    def mean_loss(self) -> float:
        """Waits for the device."""
        return (self.loss_sum / self.steps).item()

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "loss_sum": self.loss_sum, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        self.loss_sum.copy_(state["loss_sum"])
        self.started_at = time.perf_counter() - state["seconds"]


@dataclass
class TrainingState:
    """Networks, queue and memory; optimizer; the curve; how far the current epoch has come."""

    learner: ContrastiveLearner
    optimizer: torch.optim.Optimizer
    epoch_so_far: EpochSoFar
    curve: list[dict[str, Any]] = field(default_factory=list)  # one row for each epoch that is done

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return self.optimizer.param_groups[0]["lr"]

    def state_dict(self) -> dict[str, Any]:
        return {
            "learner": self.learner.state_dict(),
            "memory": self._memory(),
            "optimizer": self.optimizer.state_dict(),
            "epoch_so_far": self.epoch_so_far.state_dict(),
            "curve": self.curve,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.learner.load_state_dict(state["learner"])
        for name, buffer in state["memory"].items():
            setattr(self.learner.memory, name, buffer.to(self.learner.queue.keys.device))
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch_so_far.load_state_dict(state["epoch_so_far"])
        self.curve[:] = state["curve"]

    def _memory(self) -> dict[str, Tensor]:
        """All buffers of the method's memory: also those that its state dict leaves out, and those that grow."""
        return {} if self.learner.memory is None else dict(self.learner.memory.named_buffers())

"""Steps whose loss or gradient is not finite: noticed on the device, undone where the person allows it.

    non_finite = NonFiniteSteps(learner, optimizer, allowed=0)
    for step, batch in ...:
        non_finite.before_step()
        loss = training_step(learner, optimizer, batch)
        finite = non_finite.after_step(step, loss)
    if (step := non_finite.one_too_many()) is not None:
        ...                                                  # stop

Nothing here waits for the device but ``one_too_many``, which is called every so many steps: what happened meanwhile is
kept on the device. With ``allowed`` at 0 a step is only watched, which takes the norm of the gradient. Otherwise all
that a step moves (weights, momentum, queue, statistics) is copied before it and put back where the step was not finite,
so that a step that is skipped leaves no trace.
"""

from typing import Any

import torch
from torch import Tensor

from maskcon.training.step import ContrastiveLearner


class NonFiniteSteps:
    """The non-finite steps of a training run.

    Args:
        allowed: so many are skipped (train.skip_non_finite_steps); one more is one too many.
    """

    def __init__(self, learner: ContrastiveLearner, optimizer: torch.optim.Optimizer, allowed: int):
        device = learner.queue.keys.device
        self.learner = learner
        self.optimizer = optimizer
        self.allowed = allowed
        self.number = torch.zeros((), dtype=torch.int64, device=device)
        self.steps = torch.full((allowed + 1,), -1, device=device)  # which ones, the last being the one too many
        self.before: list[Tensor] = []
        if allowed:
            _begin_momentum(optimizer)

    def before_step(self) -> None:
        if not self.allowed:
            return
        moved = self._moved_by_a_step()
        self.before = self.before or [torch.empty_like(tensor) for tensor in moved]
        torch._foreach_copy_(self.before, moved)

    @torch.no_grad()
    def after_step(self, step: int, loss: Tensor) -> Tensor:
        """bool scalar on the device: the step was finite. Undoes one that was not, where any are allowed.

        Args:
            step: of the whole training, from 0.
            loss: scalar, detached.
        """
        gradients = [weight.grad for weight in self.learner.trained_parameters() if weight.grad is not None]
        finite = loss.isfinite() & torch.nn.utils.get_total_norm(gradients).isfinite()
        slot = self.number.clamp(max=self.allowed)
        noted = torch.where(finite | (self.number > self.allowed), self.steps.take(slot), step)  # [slot] would wait
        self.steps.index_copy_(0, slot[None], noted[None])
        self.number += ~finite
        if self.allowed:
            moved = self._moved_by_a_step()
            torch._foreach_copy_(
                moved, [torch.where(finite, new, old) for new, old in zip(moved, self.before, strict=True)]
            )
        return finite

    def one_too_many(self) -> int | None:
        """The first step beyond those allowed, or None. Waits for the device."""
        return int(self.steps[-1]) if int(self.number) > self.allowed else None

    def skipped(self) -> list[int]:
        """The steps that were skipped. Waits for the device."""
        return self.steps[: min(int(self.number), self.allowed)].tolist()

    def state_dict(self) -> dict[str, Any]:
        return {"number": self.number, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.number.copy_(state["number"])
        self.steps.copy_(state["steps"])

    def _moved_by_a_step(self) -> list[Tensor]:
        """Weights, buffers and momentum. Not the method's memory, which is renewed between epochs alone."""
        momentum = (value for state in self.optimizer.state.values() for value in state.values())
        return [
            *(parameter.detach() for parameter in self.learner.parameters()),
            *(buffer for name, buffer in self.learner.named_buffers() if not name.startswith("memory.")),
            *(value for value in momentum if isinstance(value, Tensor)),
        ]


def _begin_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Momentum at zero before the first step: torch makes it in that step, which then could not be undone."""
    for group in optimizer.param_groups:
        if group["momentum"]:
            for weight in group["params"]:
                optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)

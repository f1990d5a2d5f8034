"""The first step whose loss or gradient is not finite.

    watch = NonFiniteWatch(learner.trained_parameters(), device)
    for step, batch in ...:
        loss = training_step(learner, optimizer, batch)
        watch.look(step, loss)
    if (step := watch.first_step()) is not None:
        ...                                         # stop

``look`` keeps what it sees on the device. ``first_step`` waits for the device, so it is called every so many steps.
"""

import torch
from torch import Tensor, nn


class NonFiniteWatch:
    def __init__(self, trained_parameters: list[nn.Parameter], device: torch.device):
        self.trained_parameters = trained_parameters
        self.first = torch.full((), -1, device=device)

    @torch.no_grad()
    def look(self, step: int, loss: Tensor) -> None:
        """Look at the loss, a scalar, and the norm of the gradient of a step; steps are counted from 0."""
        gradients = [weight.grad for weight in self.trained_parameters if weight.grad is not None]
        finite = loss.isfinite() & torch.nn.utils.get_total_norm(gradients).isfinite()
        self.first.copy_(torch.where(finite | (self.first >= 0), self.first, step))

    def first_step(self) -> int | None:
        """The first step that was not finite, or None. Waits for the device."""
        first = int(self.first)
        return None if first < 0 else first

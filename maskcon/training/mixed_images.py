"""Momentum mixup: query images mixed with other images' key views, and targets mixed alike (MomentumMixup)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import normalize

from maskcon.methods.parts.contrast import batch_and_queue, soft_cross_entropy
from maskcon.methods.parts.interface import Keys, MomentumMixup
from maskcon.training.batches import Batch

if TYPE_CHECKING:
    from maskcon.training.learner import ContrastiveLearner


def mixed_contrast(learner: ContrastiveLearner, mixup: MomentumMixup, batch: Batch, keys: Keys) -> Tensor:
    """The contrast, a scalar, of mixed images against mixed targets."""
    theta, permuted = draw_mixture(len(batch.coarse), mixup.beta, batch.generator("mixup"))
    permuted = permuted.to(batch.coarse.device, non_blocking=True)
    others = learner.processes.share_of(learner.processes.joined(batch.key_view)[permuted])
    mixed_view = theta * batch.query_view + (1 - theta) * others
    q = normalize(learner.encode_queries(mixed_view)[1], dim=1)
    target = mixup.target(keys)  # [B, B + K]
    mixed_target = theta * target + (1 - theta) * target[permuted]
    return soft_cross_entropy(batch_and_queue(q, keys.own, keys.queue), mixed_target, learner.temperature)


def draw_mixture(number: int, beta: float, generator: torch.Generator) -> tuple[float, Tensor]:
    """theta ~ Beta(beta, beta), one for the batch, and a permutation int64 [number].

    torch's Beta takes no generator: the share of the first of two gamma variables is Beta distributed. Below a beta of
    0.05 both would be too small for float32 too often; parameters/ allows none.
    """
    shape = torch.full((2,), float(beta))
    gamma = torch._standard_gamma(shape, generator=generator)
    return float(gamma[0] / gamma.sum()), torch.randperm(number, generator=generator)

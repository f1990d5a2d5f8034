"""SANE: labels refined by the key's own similarities, trained on mixed images.

The key set is the whole batch's keys and the queue, image i's own key in column i. From c_ij = k_i · key_j,

    p_i = softmax_j(c_ij / (temperature T)),    n_i the same without that own key
    P_i = max_j p_ij,    N_i = max_j n_ij,    zeta_i = 1 + mu P_i + mu N_i
    refined_i = (e_i + mu P_i p_i + mu N_i n_i) / zeta_i
    mu rises from mu_first to mu_last along half a cosine

    L = (1 - weight) CE(e_i; x) + weight CE(theta refined_i + (1 - theta) refined_k; theta x_i + (1 - theta) x~_k)

where x~_k is another image's key view and theta ~ Beta(beta, beta). With mask_by_coarse, p and n run over keys of the
image's coarse class alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from maskcon.methods.parts.interface import Keys, Method, MomentumMixup
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Group, Share, Temperature, Weight

if TYPE_CHECKING:
    from torch import Tensor


class Mixup(Group):
    weight: Share
    """Share of the mixed contrast in the loss; the rest is the plain one's."""
    beta: Annotated[float, Field(ge=0.05, le=1000, allow_inf_nan=False)]
    """How two images are mixed: theta ~ Beta(beta, beta)."""


class Values(Contrast):
    soft_temperature: Temperature
    """tau': labels are refined at temperature * soft_temperature."""
    mu_first: Weight
    """Weight of the refinement at the start of training."""
    mu_last: Weight
    """Weight of the refinement at the end; in between it follows half a cosine."""
    mixup: Mixup
    mask_by_coarse: bool
    """Let labels be refined by keys of the image's own coarse class alone."""


def build(values: Values) -> Method:
    from maskcon.methods.parts.contrast import over_batch_and_queue
    from maskcon.methods.parts.targets import own_key_target

    return Method(
        title="SANE",
        equation=(
            'Z_i = e_i "for images as they are, for mixed ones", quad '
            "Z_i = (e_i + mu P_i p_i + mu N_i n_i) / (1 + mu P_i + mu N_i), quad "
            'p_i = "softmax"(k_i dot [k, q] \\/ tau T), quad P_i = max_j p_(i j), quad '
            'n_i, N_i "the same without the key of image i"'
        ),
        source="Zhou et al., A Theory-Driven Self-Labeling Refinement Method for Contrastive Representation Learning, "
        "NeurIPS 2021, sections 3.1 to 3.3",
        target=lambda keys: over_batch_and_queue(own_key_target(keys.same_coarse)),
        batch_keys=True,
        mixup=MomentumMixup(
            target=lambda keys: refined_target(
                keys,
                values.temperature * values.soft_temperature,
                refinement_weight(keys.progress, values.mu_first, values.mu_last),
                values.mask_by_coarse,
            ),
            weight=values.mixup.weight,
            beta=values.mixup.beta,
        ),
    )


def refinement_weight(progress: float, first: float, last: float) -> float:
    """mu = last - (last - first) (cos(pi progress) + 1) / 2."""
    return last - (last - first) * (math.cos(math.pi * progress) + 1) / 2


def refined_target(keys: Keys, temperature: float, mu: float, mask_by_coarse: bool) -> Tensor:
    """float32 [B, B + K]: the refined labels above. Without another candidate, n_i is the image's own key too."""
    import torch

    from maskcon.methods.parts.targets import masked_softmax

    everything = torch.cat([keys.own, keys.queue]).float()  # [B + K, D]
    scaled = keys.own.float() @ everything.T / temperature  # [B, B + K]
    own = torch.zeros_like(scaled, dtype=torch.bool).fill_diagonal_(True)
    candidates = torch.ones_like(own)
    if mask_by_coarse:
        candidates = keys.own_coarse[:, None] == torch.cat([keys.own_coarse, keys.queue_coarse])[None, :]

    with_own = masked_softmax(scaled, candidates)  # p
    others = masked_softmax(scaled, candidates & ~own)  # n
    others = torch.where(others.sum(dim=1, keepdim=True) > 0, others, own.float())
    weight_with_own = mu * with_own.amax(dim=1, keepdim=True)  # mu P
    weight_others = mu * others.amax(dim=1, keepdim=True)  # mu N
    refined = own + weight_with_own * with_own + weight_others * others
    return refined / (1 + weight_with_own + weight_others)

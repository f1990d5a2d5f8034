"""Potential samples: mined positives, and negatives that are neither too hard nor too easy. A RECONSTRUCTION.

Only the abstract of the paper was at hand. From it: positives are the augmented view and mined views, weighted both
softly and hardly; negatives that are too easy (they give no gradient) or too hard (likely false) are discarded, kept
are those close to the positive. Everything below that sentence, and every number in the preset, is ours:

    mined_i  = the n queue entries most similar to its own key k_i
    h_ij     = 1 on the mined,    v_ij = n softmax_{j in mined_i}(k_i · queue_j / T)
    r_ij     = beta ((1 - lambda) h_ij + lambda v_ij)
    Z_i      = [1, r_i1, ..., r_iK] / (1 + sum_j r_ij)
    kept     = own key, mined, and every j with |q_i · queue_j - q_i · k_i| <= margin, once training is past its warm-up

A row that would keep no negative keeps all. With mask_by_coarse, only entries of the image's coarse class are mined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskcon.methods.parts.interface import Keys, Method
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Count, Group, Positive, Share, Temperature, Weight

if TYPE_CHECKING:
    from torch import Tensor


class Negatives(Group):
    margin: Positive
    """Negatives are kept whose similarity to the query is within this margin of that of its own key."""
    warmup_share: Share
    """Share of training during which all negatives are kept."""


class Values(Contrast):
    soft_temperature: Temperature
    """T of the soft weights of mined positives."""
    mined: Count
    """n: positives mined for each image."""
    mined_weight: Weight
    """beta: weight of each mined positive, beside 1 for the image's own key."""
    soft_share: Share
    """lambda: share of the soft weighting in the mined positives' weights."""
    negatives: Negatives
    mask_by_coarse: bool
    """Let only keys of the image's own coarse class be mined."""


def build(values: Values) -> Method:
    return Method(
        title="Potential samples (reconstruction)",
        equation=(
            "Z_i = [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)), quad "
            "r_(i j) = beta ((1 - lambda) h_(i j) + lambda v_(i j)), quad "
            'h_(i j) = 1 "on the" n "mined", v_(i j) = n "softmax"(k_i dot q \\/ T)_j "over them", quad '
            '"negatives are the" j "with" abs(q_i dot k\'_j - q_i dot k_i) <= delta'
        ),
        source="after the abstract of Dong, Long and Li, Rethinking Samples Selection for Contrastive Learning: "
        "Mining of Potential Samples, arXiv 2311.00358, 2023; a reconstruction, not the authors' method in its details",
        target=lambda keys: mined_target(keys, values),
        kept=lambda similarities, keys: kept_keys(similarities, mined(keys, values), keys.progress, values.negatives),
    )


def mined(keys: Keys, values: Values) -> Tensor:
    """bool [B, K]: the candidates most similar to its own key, ``values.mined`` of them or all."""
    import torch

    similarity = keys.own.float() @ keys.queue.float().T
    candidates = keys.same_coarse if values.mask_by_coarse else torch.ones_like(keys.same_coarse)
    best = similarity.masked_fill(~candidates, -torch.inf).topk(min(values.mined, similarity.shape[1]), dim=1).indices
    return torch.zeros_like(candidates).scatter_(1, best, True) & candidates


def mined_target(keys: Keys, values: Values) -> Tensor:
    """float32 [B, 1 + K]: the Z above."""
    from maskcon.methods.parts.targets import masked_softmax, own_key_and

    hard = mined(keys, values)
    similarity = keys.own.float() @ keys.queue.float().T
    soft = hard.sum(dim=1, keepdim=True) * masked_softmax(similarity / values.soft_temperature, hard)
    return own_key_and(values.mined_weight * ((1 - values.soft_share) * hard + values.soft_share * soft))


def kept_keys(similarities: Tensor, positive: Tensor, progress: float, negatives: Negatives) -> Tensor:
    """bool [B, 1 + K]: the keys that are kept: its own key, positives, and negatives about as similar.

        |q_i · queue_j - q_i · own_i| <= margin, once training is past its warm-up

    A row that would keep no negative keeps all.

    Args:
        similarities: float32 [B, 1 + K], of the query to its own key and the queue.
        positive: bool [B, K]: queue entries that are kept however similar they are.
        progress: share of the training that is done.
    """
    import torch

    if progress < negatives.warmup_share:  # the similarity to its own key says nothing yet
        return torch.ones_like(similarities, dtype=torch.bool)
    near = (similarities[:, 1:] - similarities[:, :1]).abs() <= negatives.margin
    kept = near & ~positive
    kept |= ~positive & ~kept.any(dim=1, keepdim=True)
    own = torch.ones_like(positive[:, :1])
    return torch.cat([own, positive | kept], dim=1)

"""Potential samples: mined positives, and negatives that are neither too hard nor too easy. A RECONSTRUCTION.

Only the abstract of the paper was at hand. From it: positives are the augmented view and mined views, weighted both
softly and hardly; negatives that are too easy (they give no gradient) or too hard (likely false) are discarded, kept
are those close to the positive. Everything below that sentence, and every number in the preset, is ours:

    mined_i  = the n queue entries most similar to the own key k_i
    h_ij     = 1 on the mined,    v_ij = n softmax_{j in mined_i}(k_i · queue_j / T)
    r_ij     = beta ((1 - lambda) h_ij + lambda v_ij)
    Z_i      = [1, r_i1, ..., r_iK] / (1 + sum_j r_ij)
    kept     = own key, mined, and every j with |q_i · queue_j - q_i · k_i| <= margin, once training is past its warm-up

A row that would keep no negative keeps all. With mask_by_coarse, only entries of the image's coarse class are mined.
"""

import torch
from torch import Tensor

from maskcon.methods.parts.contrast import potential_keys
from maskcon.methods.parts.interface import Keys, Method
from maskcon.methods.parts.targets import masked_softmax, own_key_and
from maskcon.parameters.model import PotentialParameters


def build(loss: PotentialParameters) -> Method:
    return Method(
        title="Potential samples (reconstruction)",
        equation=(
            "Z_i = [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)), quad "
            "r_(i j) = beta ((1 - lambda) h_(i j) + lambda v_(i j)), quad "
            'h_(i j) = 1 "on the" n "mined", v_(i j) = n "softmax"(k_i dot q \\/ T)_j "over them", quad '
            '"negatives are the" j "with" abs(u_i dot q_j - u_i dot k_i) <= delta'
        ),
        source="after the abstract of Dong, Long and Li, Rethinking Samples Selection for Contrastive Learning: "
        "Mining of Potential Samples, arXiv 2311.00358, 2023; a reconstruction, not the authors' method in its details",
        target=lambda keys: mined_target(keys, loss),
        kept=lambda similarities, keys: potential_keys(
            similarities, mined(keys, loss.mined, loss.mask_by_coarse), keys.progress, loss.negatives
        ),
    )


def mined(keys: Keys, number: int, mask_by_coarse: bool) -> Tensor:
    """bool [B, K]: the ``number`` candidates most similar to the own key, fewer where there are fewer."""
    similarity = keys.own.float() @ keys.queue.float().T
    candidates = keys.same_coarse if mask_by_coarse else torch.ones_like(keys.same_coarse)
    best = similarity.masked_fill(~candidates, -torch.inf).topk(min(number, similarity.shape[1]), dim=1).indices
    return torch.zeros_like(candidates).scatter_(1, best, True) & candidates


def mined_target(keys: Keys, loss: PotentialParameters) -> Tensor:
    """float32 [B, 1 + K]: the Z above."""
    hard = mined(keys, loss.mined, loss.mask_by_coarse)
    similarity = keys.own.float() @ keys.queue.float().T
    soft = hard.sum(dim=1, keepdim=True) * masked_softmax(similarity / loss.soft_temperature, hard)
    return own_key_and(loss.mined_weight * ((1 - loss.soft_share) * hard + loss.soft_share * soft))

"""ASCL: nearby keys are positives, the more so the more certain the image's neighbourhood is.

    p_i  = softmax(k_i · queue / T)                              over the candidates, by default the whole queue
    c_i  = 1 - H(p_i) / log(number of candidates)                1: one neighbour stands out; 0: all are alike
    r_ij = min(1, n c_i p_ij)
    Z_i  = [1, r_i1, ..., r_iK] / (1 + sum_j r_ij)

With mask_by_coarse the candidates are the queue entries of the image's coarse class.

The published code also has a projector of 2,048 hidden values (model.projector_hidden_size) and batch norm over eighths
of a batch, which is not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskcon.methods.parts.interface import Keys, Method
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Positive, Temperature

if TYPE_CHECKING:
    from torch import Tensor


class Values(Contrast):
    soft_temperature: Temperature
    """T of the neighbourhood: the lower, the fewer keys count as near."""
    neighbours: Positive
    """n: the weight that a certain neighbourhood hands out."""
    mask_by_coarse: bool
    """Let only keys of the image's own coarse class be positives."""


def build(values: Values) -> Method:
    largest_entropy = "log sum_j m_(i j)" if values.mask_by_coarse else "log K"
    candidates = ' "over" m_(i j) = 1' if values.mask_by_coarse else ""
    return Method(
        title="ASCL",
        equation=(
            "Z_i = [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)), quad "
            f"r_(i j) = min(1, n thin c_i thin p_(i j)), quad c_i = 1 - H(p_i) / ({largest_entropy}), quad "
            f'p_i = "softmax"(k_i dot q \\/ T){candidates}'
        ),
        source="Feng and Patras, Adaptive Soft Contrastive Learning, ICPR 2022",
        target=lambda keys: adaptive_target(keys, values),
    )


def adaptive_target(keys: Keys, values: Values) -> Tensor:
    """float32 [B, 1 + K]: the Z above; a row without candidates keeps all weight on its own key."""
    import torch

    from maskcon.methods.parts.targets import masked_softmax, own_key_and

    similarity = keys.own.float() @ keys.queue.float().T  # [B, K]
    candidates = keys.same_coarse if values.mask_by_coarse else torch.ones_like(keys.same_coarse)
    share = masked_softmax(similarity / values.soft_temperature, candidates)  # [B, K]
    entropy = -torch.xlogy(share, share).sum(dim=1)  # [B]
    largest = candidates.sum(dim=1).float().log()  # [B]; 0 for one candidate, which is then certain
    certainty = torch.where(largest > 0, 1 - entropy / largest, 1.0)
    return own_key_and((values.neighbours * certainty[:, None] * share).clamp(0, 1))

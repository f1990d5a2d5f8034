"""Soft targets over [own key, queue]: pure functions of tensors, the parts that methods are made of.

Every target is float32 [B, 1 + K] with rows that sum to 1; column 0 is the image's own key. They are computed in
float32 also under autocast: at a soft temperature of 0.001 a similarity off by a bfloat16 step would change a weight
e^4-fold.
"""

import torch
from torch import Tensor


def own_key_target(same_coarse: Tensor) -> Tensor:
    """Z = e_0: all weight on the image's own key (MoCo).

    Args:
        same_coarse: bool [B, K]; only its shape is used.
    """
    target = torch.zeros(same_coarse.shape[0], 1 + same_coarse.shape[1], device=same_coarse.device)
    target[:, 0] = 1
    return target


def same_class_target(same_coarse: Tensor) -> Tensor:
    """Uniform over the image's own key and all queue entries of the same coarse class.

        Z_i = [1, m_i1, ..., m_iK] / (1 + sum_j m_ij),    m_ij = 1 where entry j has the coarse class of image i

    Source: Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, over a queue.

    Args:
        same_coarse: bool [B, K], the m above.
    """
    return own_key_and(same_coarse.float())


def similarity_target(own: Tensor, queue: Tensor, same_coarse: Tensor, soft_temperature: float) -> Tensor:
    """Weights by similarity among the queue entries of the same coarse class, the most similar as heavy as its own key.

        s_ij = own_i · queue_j
        r_ij = m_ij exp((s_ij - max_{l: m_il = 1} s_il) / soft_temperature)
        Z_i  = [1, r_i1, ..., r_iK] / (1 + sum_j r_ij)

    Source: Feng and Patras, MaskCon, CVPR 2023, the masked soft label. A row whose coarse class is absent from the
    queue has r = 0, hence the own-key target (the published code divides 0 by 0 there).

    Args:
        own: [B, D], queue: [K, D], unit rows of the momentum encoder.
        same_coarse: bool [B, K], the m above.
        soft_temperature: T > 0.
    """
    with torch.autocast(own.device.type, enabled=False):
        similarity = own.float() @ queue.float().T  # [B, K]
    scaled = below_best(similarity, same_coarse) / soft_temperature  # log r
    # [1, r] over its sum is the softmax of [0, log r]; torch.exp takes up to 40 times as long on the CPU where r is 0.
    return torch.cat([torch.zeros_like(scaled[:, :1]), scaled], dim=1).softmax(dim=1)


def below_best(similarity: Tensor, candidates: Tensor) -> Tensor:
    """Similarities minus the largest among each row's candidates, so at most 0 there; minus infinity elsewhere."""
    similarity = similarity.masked_fill(~candidates, -torch.inf)
    best = similarity.amax(dim=1, keepdim=True)  # [B, 1]; -inf where there is no candidate
    best = best.masked_fill(best == -torch.inf, 0)  # (-inf) - (-inf) would be NaN
    return similarity - best


def blend(target: Tensor, w: float) -> Tensor:
    """w Z + (1 - w) e_0.

    Cross-entropy is linear in its target, so this equals w times one loss plus (1 - w) times the other.

    Args:
        target: [B, 1 + K].
        w: in [0, 1].
    """
    if w == 1:  # as the presets have it: two passes over [B, 1 + K] less
        return target
    blended = w * target
    blended[:, 0] += 1 - w
    return blended


def own_key_and(weights: Tensor) -> Tensor:
    """[1, weights] with rows divided by their sum: [B, K] -> [B, 1 + K]."""
    with_own = torch.cat([torch.ones_like(weights[:, :1]), weights], dim=1)
    return with_own / with_own.sum(dim=1, keepdim=True)


def masked_softmax(logits: Tensor, candidates: Tensor) -> Tensor:
    """Softmax over the candidates of each row, 0 elsewhere; a row without candidates is all 0, never NaN.

    Args:
        logits: float32 [B, M]; candidates: bool [B, M].
    """
    logits = logits.masked_fill(~candidates, -torch.inf)
    return logits.softmax(dim=1).nan_to_num(0)

"""The contrast that all methods share: similarities of a query to a set of keys, and a soft cross-entropy over them.

    S = query · keys / temperature
    L = mean_i - sum_j Z_ij log_softmax(S_i)_j

Key sets differ in what stands beside the queue:

    own_and_queue      the image's own key, in column 0                              [B, 1 + K]   MoCo
    batch_and_queue    the keys of the whole batch, the own one of row i in column i  [B, B + K]   SANE
"""

import torch
from torch import Tensor


def own_and_queue(query: Tensor, own: Tensor, queue: Tensor) -> Tensor:
    """[q · own, q · queue^T]: query and own key [B, D], queue [K, D] -> [B, 1 + K]."""
    return torch.cat([(query * own).sum(dim=1, keepdim=True), query @ queue.T], dim=1)


def batch_and_queue(query: Tensor, own: Tensor, queue: Tensor) -> Tensor:
    """q · [own; queue]^T: query and own keys [B, D], queue [K, D] -> [B, B + K]."""
    return query @ torch.cat([own, queue]).T


def over_batch_and_queue(target: Tensor) -> Tensor:
    """The same target over the larger key set: column 0 moves to the diagonal, [B, 1 + K] -> [B, B + K]."""
    return torch.cat([torch.diag(target[:, 0]), target[:, 1:]], dim=1)


def soft_cross_entropy(similarities: Tensor, target: Tensor, temperature: float, kept: Tensor | None = None) -> Tensor:
    """Mean over rows of - sum_j Z_ij log_softmax(S_i / temperature)_j.

    Args:
        similarities: float32 [B, M].
        target: float32 [B, M]; rows sum to 1.
        kept: bool [B, M]; entries left out count neither as positives nor as negatives (minus infinity before the
            softmax, not a similarity of 0). The target must be 0 there.
    """
    logits = similarities / temperature
    if kept is None:
        return torch.nn.functional.cross_entropy(logits, target)
    log_share = logits.masked_fill(~kept, -torch.inf).log_softmax(dim=1).masked_fill(~kept, 0)  # 0 * -inf is NaN
    return -(target * log_share).sum(dim=1).mean()

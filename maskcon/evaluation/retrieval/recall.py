"""Recall@K, as retrieval of fine classes is measured: one hit among the K nearest is enough.

rank = rank_of_first_match(matches)  # [B], from matches [B, K_max] of nearest_neighbours
hit_at(rank, 5).mean()  # Recall@5
"""

import torch
from torch import Tensor


def rank_of_first_match(matches: Tensor) -> Tensor:
    """The rank of the nearest neighbour that has the query's label.

    Args:
        matches: bool [B, K], whether the neighbour of that rank has the query's label, nearest first.

    Returns:
        int64 [B], from 1 to K; 0 where none of the K matches.
    """
    first = matches.to(torch.uint8).argmax(dim=1) + 1  # of equal entries argmax gives the first
    return torch.where(matches.any(dim=1), first, 0)


def hit_at(rank: Tensor, k: int) -> Tensor:
    """Whether a query counts for Recall@K: at least one of its K nearest others has its label.

    Recall@K is the mean over all queries (Feng and Patras, MaskCon, CVPR 2023, as its published code has it). A query
    whose class has no other image cannot be a hit; it counts as a miss there and here.

    Args:
        rank: int64 [B], from ``rank_of_first_match``.

    Returns:
        bool [B].
    """
    return (rank >= 1) & (rank <= k)

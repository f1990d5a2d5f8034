"""Average precision at R: how well the whole class of a query is gathered around it, in order.

    average_precision_at_r(matches, relevant).mean()  # MAP@R

Where Recall@K asks for one hit, MAP@R is 1 only if a query's R nearest neighbours are the R others of its class.
"""

import torch
from torch import Tensor


def average_precision_at_r(matches: Tensor, relevant: Tensor) -> Tensor:
    """The average precision at R of each query (Musgrave et al., A Metric Learning Reality Check, ECCV 2020):

        1/R  sum_{i=1}^{R}  P(i),    P(i) = precision among the i nearest if the i-th matches, else 0.

    Args:
        matches: bool [B, K], whether the neighbour of that rank has the query's label, nearest first; K at least
            the largest R.
        relevant: int64 [B], R: how many other images have the query's label.

    Returns:
        float64 [B], in [0, 1]; 0 where R is 0, so that such a query is a miss here as it is in Recall@K.
    """
    if matches.shape[1] < relevant.max():
        raise ValueError(f"{matches.shape[1]} neighbours are too few for R={int(relevant.max())}")

    rank = torch.arange(1, matches.shape[1] + 1, device=matches.device)
    hits = matches & (rank <= relevant[:, None])
    precision = hits.cumsum(dim=1, dtype=torch.float64) / rank
    return (precision * hits).sum(dim=1) / relevant.clamp(min=1)

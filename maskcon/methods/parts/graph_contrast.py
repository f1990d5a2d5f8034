"""What WCL is made of: contrast inside a batch, and the weak classes that a graph of nearest neighbours connects."""

import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn
from torch.nn import functional as F


def graph_head(feature_size: int, hidden_size: int, projection_size: int) -> nn.Module:
    """The second projector, with two hidden layers and batch norm as in the published code."""
    return nn.Sequential(
        nn.Linear(feature_size, hidden_size),
        nn.BatchNorm1d(hidden_size),
        nn.ReLU(),
        nn.Linear(hidden_size, hidden_size),
        nn.BatchNorm1d(hidden_size),
        nn.ReLU(),
        nn.Linear(hidden_size, projection_size),
    )


def instance_loss(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """NT-Xent of projections [B, D] and [B, D] of two views, of any length."""
    views = F.normalize(torch.cat([one, other]), dim=1)  # [2B, D]
    number = len(one)
    logits = (views @ views.T / temperature).fill_diagonal_(-torch.inf)
    other_view = torch.arange(2 * number, device=views.device).roll(number)
    return F.cross_entropy(logits, other_view)


@torch.no_grad()
def weak_classes(embeddings: Tensor, allowed: Tensor) -> Tensor:
    """bool [B, B]: the images are in one component of the graph of nearest neighbours; every image is with itself.

    Args:
        embeddings: float32 [B, D], unit rows.
        allowed: bool [B, B], symmetric: which images an edge may join.
    """
    similarity = (embeddings @ embeddings.T).masked_fill(~allowed, -torch.inf).fill_diagonal_(-torch.inf)
    best, neighbour = similarity.max(dim=1)
    image = torch.arange(len(embeddings), device=embeddings.device)
    edges = torch.stack([image, neighbour])[:, best > -torch.inf].cpu().numpy()
    graph = coo_array(([1] * edges.shape[1], (edges[0], edges[1])), shape=(len(embeddings), len(embeddings)))
    component = torch.from_numpy(connected_components(graph, directed=False)[1]).to(embeddings.device)
    return component[:, None] == component[None, :]


def supervised_contrast(
    anchors: Tensor, others: Tensor, positive: Tensor, compared: Tensor, temperature: float
) -> Tensor:
    """SC: mean over anchors of - mean over their positives of log softmax over what they are compared with.

    Anchors without a positive are left out of the mean; without any such the loss is 0.

    Args:
        anchors: [B, D], others: [M, D], unit rows.
        positive: bool [B, M], a part of ``compared``.
        compared: bool [B, M].
    """
    log_share = (anchors @ others.T / temperature).masked_fill(~compared, -torch.inf).log_softmax(dim=1)
    log_share = log_share.masked_fill(~positive, 0)  # also the minus infinities
    count = positive.sum(dim=1)
    return -(log_share.sum(dim=1) / count.clamp(min=1)).sum() / (count > 0).sum().clamp(min=1)

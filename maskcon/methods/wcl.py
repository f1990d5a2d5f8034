"""WCL: images that a graph of nearest neighbours connects are of one weak class, for a head of their own.

Both views a and b go through the query network; there are no keys. With u of the projector and v of a second one, the
graph head, all of unit length, and the B images of the batch,

    L_instance = mean over all 2B views of -log softmax(u_i · u / temperature) at the image's other view
                 (NT-Xent: the softmax runs over the other 2B - 1)
    graph_a    = an edge from each image to the one with the most similar v_a;   weak class = connected component
    SC(v, c)   = mean_i of - mean over j != i with c_j = c_i of log softmax_{j != i}(v_i · v / temperature)_j
    L_graph    = 1/2 SC(v_a, components of graph_b) + 1/2 SC(v_b, components of graph_a)           (the swap)
    L          = L_instance + graph_weight L_graph

SC sends gradient to the anchors v_i alone, as the published code does, which gathers the others without gradient.

With mask_by_coarse edges join images of the same coarse class alone. An image that is the only one of its class in the
batch then has no positive, and SC leaves it out of its mean.

With multi_crop (a reconstruction, see nearest_images.py), a view n of an image near image i is to recognise the images
of i's weak class, i among them, and the nearest image itself should it be in the batch:

    SC(n, v, m) = mean_i of - mean over j with m_ij of log softmax(n_i · v / temperature)_j
    L_graph     = mean of the one above and, for each nearest image, 1/2 SC(n, v_a, m_b) + 1/2 SC(n, v_b, m_a)

The paper makes both views alike, strong ones: train.key_view=strong. Where we depart from its code:

- u is of the projector that all methods share, with one hidden layer; there it has two, with batch norm, as v has.
- The views are the same from the first epoch; there they are weaker ones during the first ten.
"""

import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn
from torch.nn import functional as F

from maskcon.methods.parts.interface import ExtraHead, Method, Scene
from maskcon.methods.parts.nearest_images import nearest_images
from maskcon.parameters.model import WCLParameters


def build(loss: WCLParameters) -> Method:
    return Method(
        title=f"WCL with {loss.multi_crop} nearest images" if loss.multi_crop else "WCL",
        equation=(
            'L = L_"NT-Xent" (u) + beta / 2 ("SC"(v_a, G(v_b)) + "SC"(v_b, G(v_a))), quad '
            'G "connected components of the 1-nearest-neighbour graph"'
        ),
        source="Zheng et al., Weakly Supervised Contrastive Learning, ICCV 2021",
        target=None,
        contrast_weight=0.0,
        multi_crop=loss.multi_crop,
        memory=nearest_images(loss.multi_crop, loss.mask_by_coarse) if loss.multi_crop else None,
        extra_head=ExtraHead(
            build=lambda feature_size, projection_size, _: graph_head(
                feature_size, loss.graph_hidden_size, projection_size
            ),
            loss=lambda head, scene: wcl_loss(head, scene, loss),
            weight=1.0,
            in_words="u is of the projector, v of a second one, both of unit length; SC is supervised contrast over "
            "the batch, with the components that G finds in the other view as classes"
            + (", and edges join images of the same coarse class alone" if loss.mask_by_coarse else ""),
        ),
    )


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


def wcl_loss(head: nn.Module, scene: Scene, loss: WCLParameters) -> Tensor:
    """The L above."""
    other_features, other_projection = scene.encode_other_view()
    instance = instance_loss(scene.projection, other_projection, loss.temperature)
    allowed = scene.coarse[:, None] == scene.coarse[None, :]  # [B, B]
    if not loss.mask_by_coarse:
        allowed = torch.ones_like(allowed)
    nearest = [(view.places[:, None] == scene.places[None, :], head(view.features)) for view in scene.nearest]
    graph = graph_loss(head(scene.features), head(other_features), allowed, loss.temperature, nearest)
    return instance + loss.graph_weight * graph


def instance_loss(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """NT-Xent of projections [B, D] and [B, D] of two views, of any length."""
    views = F.normalize(torch.cat([one, other]), dim=1)  # [2B, D]
    number = len(one)
    logits = (views @ views.T / temperature).fill_diagonal_(-torch.inf)
    other_view = torch.arange(2 * number, device=views.device).roll(number)
    return F.cross_entropy(logits, other_view)


def graph_loss(
    one: Tensor, other: Tensor, allowed: Tensor, temperature: float, nearest: list[tuple[Tensor, Tensor]] = ()
) -> Tensor:
    """The L_graph above.

    Args:
        one, other: [B, D], the graph head's output for two views, of any length.
        allowed: bool [B, B]: which images an edge may join.
        nearest: for each nearest image bool [B, B], which images of the batch are that one, and its [B, D].
    """
    one, other = F.normalize(one, dim=1), F.normalize(other, dim=1)
    same_in_one, same_in_other = weak_classes(one.detach(), allowed), weak_classes(other.detach(), allowed)
    image_itself = torch.eye(len(one), dtype=torch.bool, device=one.device)
    losses = [
        (
            supervised_contrast(one, one.detach(), same_in_other & ~image_itself, ~image_itself, temperature)
            + supervised_contrast(other, other.detach(), same_in_one & ~image_itself, ~image_itself, temperature)
        )
        / 2
    ]
    everything = torch.ones_like(image_itself)
    for also_positive, view in nearest:
        view = F.normalize(view, dim=1)
        losses.append(
            (
                supervised_contrast(view, one.detach(), same_in_other | also_positive, everything, temperature)
                + supervised_contrast(view, other.detach(), same_in_one | also_positive, everything, temperature)
            )
            / 2
        )
    return torch.stack(losses).mean()


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

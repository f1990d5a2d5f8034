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

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from maskcon.methods.parts.interface import ExtraHead, Method, Scene
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Channels, Weight

if TYPE_CHECKING:
    from torch import Tensor, nn


class Values(Contrast):
    graph_weight: Weight
    """Weight of the graph loss, beside 1 for the instance loss."""
    graph_hidden_size: Channels
    """Hidden units of the graph head, a projector of its own."""
    mask_by_coarse: bool
    """Let edges of the graph join images of one coarse class alone."""
    multi_crop: Annotated[int, Field(ge=0, le=100)]
    """Views of so many nearest images are compared as well; 0: none."""


def build(values: Values) -> Method:
    from maskcon.methods.parts.graph_contrast import graph_head
    from maskcon.methods.parts.nearest_images import nearest_images

    return Method(
        title=f"WCL with {values.multi_crop} nearest images" if values.multi_crop else "WCL",
        equation=(
            'L = L_"NT-Xent" (u) + beta / 2 ("SC"(v_a, G(v_b)) + "SC"(v_b, G(v_a))), quad '
            'G "connected components of the 1-nearest-neighbour graph"'
        ),
        source="Zheng et al., Weakly Supervised Contrastive Learning, ICCV 2021",
        target=None,
        contrast_weight=0.0,
        multi_crop=values.multi_crop,
        memory=nearest_images(values.multi_crop, values.mask_by_coarse) if values.multi_crop else None,
        extra_head=ExtraHead(
            build=lambda feature_size, projection_size, _: graph_head(
                feature_size, values.graph_hidden_size, projection_size
            ),
            loss=lambda head, scene: wcl_loss(head, scene, values),
            weight=1.0,
            in_words="u is of the projector, v of a second one, both of unit length; SC is supervised contrast over "
            "the batch, with the components that G finds in the other view as classes"
            + (", and edges join images of the same coarse class alone" if values.mask_by_coarse else ""),
        ),
    )


def wcl_loss(head: nn.Module, scene: Scene, values: Values) -> Tensor:
    """The L above."""
    from maskcon.methods.parts.graph_contrast import instance_loss

    other_features, other_projection = scene.encode_other_view()
    instance = instance_loss(scene.projection, other_projection, values.temperature)
    same_coarse = scene.coarse[:, None] == scene.coarse[None, :]  # [B, B]
    allowed = same_coarse if values.mask_by_coarse else same_coarse.new_ones(same_coarse.shape)
    nearest = [(view.places[:, None] == scene.places[None, :], head(view.features)) for view in scene.nearest]
    graph = graph_loss(head(scene.features), head(other_features), allowed, values.temperature, nearest)
    return instance + values.graph_weight * graph


def graph_loss(
    one: Tensor, other: Tensor, allowed: Tensor, temperature: float, nearest: Sequence[tuple[Tensor, Tensor]] = ()
) -> Tensor:
    """The L_graph above.

    Args:
        one, other: [B, D], the graph head's output for two views, of any length.
        allowed: bool [B, B]: which images an edge may join.
        nearest: for each nearest image bool [B, B], which images of the batch are that one, and its [B, D].
    """
    import torch
    from torch.nn import functional as F

    from maskcon.methods.parts.graph_contrast import supervised_contrast, weak_classes

    one, other = F.normalize(one, dim=1), F.normalize(other, dim=1)
    same_in_one, same_in_other = weak_classes(one.detach(), allowed), weak_classes(other.detach(), allowed)
    image_itself = torch.eye(len(one), dtype=torch.bool, device=one.device)

    def contrast(anchor: Tensor, key: Tensor, positive: Tensor, compared: Tensor) -> Tensor:
        return supervised_contrast(anchor, key.detach(), positive & compared, compared, temperature)

    losses = [
        contrast(one, one, same_in_other, ~image_itself) + contrast(other, other, same_in_one, ~image_itself),
    ]
    everything = torch.ones_like(image_itself)
    for also_positive, view in nearest:
        view = F.normalize(view, dim=1)
        of_one = contrast(view, one, same_in_other | also_positive, everything)
        losses.append(of_one + contrast(view, other, same_in_one | also_positive, everything))
    return torch.stack(losses).mean() / 2

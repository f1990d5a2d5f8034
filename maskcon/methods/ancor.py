"""ANCOR: self-contrast inside each coarse class, of angles around the class's direction, beside a coarse classifier.

    logits_i  = V relu(p_i) + b                                 p_i: the projection, not brought to unit length
    a(u; y)   = unit(u - unit(V_y))                             u: a unit row; V_y: the classifier's row of class y
    S_ij      = a(q_i; y_i) · a(key_j; y_j) / temperature     over i's own key and the queue entries with y_j = y_i
    L         = CE(e_0; S) + weight CE(logits, coarse)

Cross-entropy pulls a class together along V_y, contrast pushes its images apart; as contrast sees only their angles
around V_y, the two do not work against each other. It sends no gradient to V: cross-entropy alone trains that.

The paper keeps one queue for each coarse class. Here all classes share one queue and a mask picks the own class: it has
as many negatives as its share of the queue, and one that is absent adds a contrast of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskcon.methods.parts.interface import ExtraHead, Keys, Method
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Weight

if TYPE_CHECKING:
    from torch import Tensor, nn


class Values(Contrast):
    classifier_weight: Weight
    """Weight of the coarse classifier, beside 1 for the contrast."""


def build(values: Values) -> Method:
    from torch import nn
    from torch.nn import functional as F

    from maskcon.methods.parts.targets import own_key_target

    classifier = ExtraHead(
        build=lambda _, projection_size, coarse_classes: nn.Linear(projection_size, coarse_classes),
        loss=lambda head, scene: F.cross_entropy(head(scene.projection.relu()), scene.coarse),
        weight=values.classifier_weight,
        in_words="a linear classifier of the rectified projection, with a row v of weights for each class, learns the "
        f"coarse classes (weight {values.classifier_weight:g})",
    )
    return Method(
        title="ANCOR",
        equation=(
            'Z_i = e_0, quad S_(i j) = (a(q_i; y_i) dot a(k\'_j; y_j)) / tau "where" m_(i j) = 1, quad '
            'a(x; y) = (x - hat(v)_y) / norm(x - hat(v)_y), quad "other keys are left out"'
        ),
        source="Bukchin et al., Fine-grained Angular Contrastive Learning with Coarse Labels, CVPR 2021",
        target=lambda keys: own_key_target(keys.same_coarse),
        kept=lambda similarities, keys: own_coarse_class(keys),
        angle=angle_around_class,
        extra_head=classifier,
    )


def angle_around_class(classifier: nn.Linear, rows: Tensor, coarse: Tensor) -> Tensor:
    """The a above: unit rows [N, D] of the classes coarse int64 [N] -> unit rows [N, D]."""
    from torch.nn.functional import normalize

    direction = normalize(classifier.weight.detach(), dim=1)  # [C, D]
    return normalize(rows - direction[coarse], dim=1)


def own_coarse_class(keys: Keys) -> Tensor:
    """bool [B, 1 + K]: the image's own key, and the queue entries of the image's coarse class."""
    from torch.nn.functional import pad

    return pad(keys.same_coarse, (1, 0), value=True)

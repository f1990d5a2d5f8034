"""A linear classifier of the coarse classes beside the contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskcon.methods.parts.interface import ExtraHead, Scene

if TYPE_CHECKING:
    from torch import Tensor, nn


def coarse_classifier(weight: float) -> ExtraHead:
    """A linear classifier of the coarse classes on the backbone's features."""
    return ExtraHead(
        build=_linear,
        loss=_cross_entropy,
        weight=weight,
        in_words="a linear classifier of the features learns the coarse classes "
        f"(its share of the loss is {weight:g}, that of the contrast {1 - weight:g})",
    )


def _linear(feature_size: int, projection_size: int, coarse_classes: int) -> nn.Module:
    from torch import nn

    return nn.Linear(feature_size, coarse_classes)


def _cross_entropy(head: nn.Module, scene: Scene) -> Tensor:
    from torch.nn import functional as F

    return F.cross_entropy(head(scene.features), scene.coarse)

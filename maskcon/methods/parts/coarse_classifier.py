"""A linear classifier of the coarse classes beside the contrast."""

from torch import nn
from torch.nn import functional as F

from maskcon.methods.parts.interface import ExtraHead


def coarse_classifier(weight: float) -> ExtraHead:
    """A linear classifier of the coarse classes on the backbone's features."""
    return ExtraHead(
        build=lambda feature_size, _, coarse_classes: nn.Linear(feature_size, coarse_classes),
        loss=lambda head, scene: F.cross_entropy(head(scene.features), scene.coarse),
        weight=weight,
        in_words="a linear classifier of the features learns the coarse classes "
        f"(its share of the loss is {weight:g}, that of the contrast {1 - weight:g})",
    )

"""The adapter: what is trained on the features of a frozen backbone, and can do nothing.

    z = (f - mean) V diag(s^-whitening)         f: features of the backbone; V: their principal directions
    a = z + A z                                 A starts at zero: at first a = z, the whitened features

Mean, directions and standard deviations s come from views of the training images, without labels.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SMALLEST_DEVIATION = 1e-3  # of a direction, as a share of the largest: what lies below is noise


class Adapter(nn.Module):
    """float32 [B, F] -> adapted features [B, D].

    Args:
        mean: float32 [F]; directions: float32 [F, D], scaled.
    """

    def __init__(self, mean: Tensor, directions: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("directions", directions)
        self.residual = nn.Linear(directions.shape[1], directions.shape[1], bias=False)
        nn.init.zeros_(self.residual.weight)
        self.feature_size = directions.shape[1]

    def forward(self, features: Tensor) -> Tensor:
        whitened = (features - self.mean) @ self.directions
        return whitened + self.residual(whitened)


class Readout(nn.Module):
    """What an encoder returns behind its backbone: adapted features, their projection, or both, [B, F'].

    Of "both" each is brought to length 1, so that the cosine of two rows is the mean of the two cosines.
    """

    def __init__(self, adapter: Adapter, which: str, projector: nn.Sequential | None = None):
        super().__init__()
        self.adapter = adapter
        self.which = which
        self.projector = None if which == "features" else projector
        sizes = {"features": adapter.feature_size}
        if self.projector is not None:
            sizes["projection"] = self.projector[-1].out_features
        self.feature_size = sizes[which] if which in sizes else sum(sizes.values())

    def forward(self, features: Tensor) -> Tensor:
        adapted = self.adapter(features)
        if self.which == "features":
            return adapted
        projection = self.projector(adapted)
        if self.which == "projection":
            return projection
        return torch.cat([F.normalize(adapted, dim=1), F.normalize(projection, dim=1)], dim=1)


def whitening(blocks: Iterable[Tensor], directions: int | None, power: float) -> tuple[Tensor, Tensor]:
    """Mean float32 [F] and scaled principal directions float32 [F, D] of rows that come in blocks [b, F]."""
    number = 0
    total: Tensor | int = 0
    products: Tensor | int = 0
    for block in blocks:
        exact = block.double()
        number += len(exact)
        total = total + exact.sum(dim=0)
        products = products + exact.T @ exact
    mean: Tensor = total / number
    variances, vectors = torch.linalg.eigh(products / number - torch.outer(mean, mean))  # rising
    variances, vectors = variances.flip(0)[:directions], vectors.flip(1)[:, :directions]
    deviations = variances.clamp(min=0).sqrt()
    kept = deviations > SMALLEST_DEVIATION * deviations[0]
    return mean.float(), (vectors[:, kept] * deviations[kept] ** -power).float()

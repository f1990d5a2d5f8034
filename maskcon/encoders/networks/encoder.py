"""Encoders: images in [0, 1] to features, and features to projections.

encoder = build_encoder(parameters.model, parameters.data)
features = encoder(images)                              # [B, F]
"""

from __future__ import annotations

from importlib import import_module

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskcon.encoders.networks.backbone import Backbone
from maskcon.parameters.data import DataParameters
from maskcon.parameters.encoder import EncoderValues

BACKBONES = "maskcon.encoders.backbones"


class Encoder(nn.Module):
    """Images resized as the backbone's weights want them and standardised, through the backbone and an adapter.

    Args:
        backbone: with what it expects of images.
        adapter: [B, F] -> [B, F'], trained on the backbone's features; None where the backbone itself is trained.
    """

    def __init__(self, backbone: Backbone, adapter: nn.Module | None = None):
        super().__init__()
        self.backbone = backbone.network
        self.pooled = list(backbone.pooled)
        self.input_size = backbone.input_size
        self.interpolation = backbone.interpolation
        self.backbone_size = backbone.channels * backbone.pooled[0] * backbone.pooled[1]
        self.register_buffer("mean", torch.tensor(backbone.mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(-1, 1, 1))
        self.adapter = adapter

    @property
    def feature_size(self) -> int:
        return self.backbone_size if self.adapter is None else self.adapter.feature_size

    def forward(self, images: Tensor) -> Tensor:
        """float [B, c, H, W] in [0, 1] -> [B, F]."""
        features = self.backbone_features(images)
        return features if self.adapter is None else self.adapter(features.float())

    def backbone_features(self, images: Tensor) -> Tensor:
        """float [B, c, H, W] in [0, 1] -> [B, F], without the adapter."""
        images = images.contiguous(memory_format=torch.channels_last)  # as the weights are, see build_encoder
        maps = self.backbone((self.resized(images) - self.mean) / self.std)  # [B, channels, h, w]
        if maps.ndim == 2:  # networks that average by themselves
            return maps
        if self.pooled == [1, 1]:
            return maps.mean(dim=(2, 3))  # adaptive pooling, faster
        return F.adaptive_avg_pool2d(maps, self.pooled).flatten(1)

    def resized(self, images: Tensor) -> Tensor:
        """The images at the size that the backbone's weights were trained for, or that was chosen for them."""
        if self.input_size is None or tuple(images.shape[2:]) == tuple(self.input_size):
            return images
        smaller = min(self.input_size) < min(images.shape[2:])
        mode = self.interpolation if self.interpolation in ("bilinear", "bicubic") else "bicubic"
        return F.interpolate(images, self.input_size, mode=mode, antialias=smaller).clamp(0, 1)


class ProjectedEncoder(nn.Module):
    """An encoder with the projector of the contrast: Linear, ReLU, Linear, no batch norm (MaskCon's published code).

    ``encoder`` has a ``feature_size``; where the backbone is frozen it is the adapter, and images are rows of features.
    """

    def __init__(self, encoder: nn.Module, hidden_size: int, projection_size: int):
        super().__init__()
        self.encoder = encoder
        self.projector = nn.Sequential(
            nn.Linear(encoder.feature_size, hidden_size), nn.ReLU(), nn.Linear(hidden_size, projection_size)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """float [B, c, H, W] in [0, 1] -> features [B, F], projections [B, D] of any length."""
        features = self.encoder(images)
        return features, self.projector(features)


def build_encoder(model: EncoderValues, data: DataParameters, weights: bool = True) -> Encoder:
    """An encoder that starts as ``model.weights`` says; random weights are drawn from torch's global generator.

    Args:
        weights: False where those of a file follow: then none are fetched.

    Raises:
        UserError: the weights cannot be had, or do not fit.
    """
    backbone = import_module(f"{BACKBONES}.{model.name}").build(model, data, weights)
    return Encoder(backbone).to(memory_format=torch.channels_last)

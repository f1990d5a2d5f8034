"""A network from images to features, with what its weights expect of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from maskcon.parameters.data import DataParameters


@dataclass(frozen=True)
class Backbone:
    network: nn.Module  # float32 [B, c, H, W], standardised -> maps [B, channels, h, w], or features [B, channels]
    channels: int
    mean: tuple[float, ...]  # [c], of the pixels in [0, 1]
    std: tuple[float, ...]  # [c]
    input_size: tuple[int, int] | None = None  # height and width that images are resized to; None: as they come
    interpolation: str = "bicubic"  # of that resizing
    pooled: tuple[int, int] = (1, 1)  # height and width that maps are averaged to


def statistics_of(data: DataParameters) -> dict[str, Any]:
    """Mean and standard deviation of a set's pixels: for networks that start from random weights."""
    return {"mean": tuple(data.mean[: data.channels]), "std": tuple(data.std[: data.channels])}


def as_many_channels(statistics: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Mean or standard deviation of three colours for an image of other channels: the average of the three."""
    return tuple(statistics) if channels == len(statistics) else (sum(statistics) / len(statistics),) * channels

"""small_conv: five 3 x 3 convolutions with batch norm, for small images and tests; always from random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from maskcon.parameters.data import DataParameters
from maskcon.parameters.encoder import EncoderValues
from maskcon.parameters.values import Channels, Side

if TYPE_CHECKING:
    from maskcon.encoders.networks.backbone import Backbone


class Values(EncoderValues):
    name: Literal["small_conv"]
    backbone: Literal["small_conv"]
    weights: Literal["none"]
    input_size: None
    width: Channels
    """Channels of the first layer; the last one has four times as many."""
    pooled: Annotated[list[Side], Field(min_length=2, max_length=2)]
    """Height and width of the grid that features are averaged to."""


def build(values: Values, data: DataParameters, weights: bool = True) -> Backbone:
    """Resolution halves twice while channels double."""
    from torch import nn

    from maskcon.encoders.networks.backbone import Backbone, statistics_of

    width = values.width
    plan = [(width, 1), (2 * width, 2), (2 * width, 1), (4 * width, 2), (4 * width, 1)]  # (channels, stride)
    layers: list[nn.Module] = []
    in_channels = data.channels
    for channels, stride in plan:
        layers += [
            nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        in_channels = channels
    pooled = (values.pooled[0], values.pooled[1])
    return Backbone(nn.Sequential(*layers), in_channels, **statistics_of(data), pooled=pooled)

"""Values that every encoder has. Those of a backbone are in its file, maskcon/encoders/backbones/NAME.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from maskcon.parameters.values import Channels, Group


class AdapterValues(Group):
    """What is trained on the features of a frozen backbone: whitening, then a residual map that starts at zero."""

    directions: Annotated[int, Field(ge=2, le=65_536)] | None
    """Principal directions of the features that are kept; null: all."""
    whitening: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    """Each direction is divided by its standard deviation to this power. 0: only rotated; 1: all directions equal."""
    readout: Literal["features", "projection", "both"]
    """What the encoder returns: adapted features, what the projector makes of them, or both side by side."""


class EncoderValues(Group):
    """The encoder: backbone, adapter, and the projector of the contrast."""

    name: str
    """The kind of backbone: a file of maskcon/encoders/backbones."""
    backbone: str
    """The network from image to features."""
    weights: str
    """Weights to start from. none: random ones; pretrained: those published for the backbone, a download; package:
    those of EfficientNet-Lite0 that are installed with this program; otherwise the path of a file, safetensors or
    torch's."""
    input_size: int | None
    """Side in pixels that images are resized to for the network; null: as the weights ask, or as they come."""
    adapter: AdapterValues
    """Used with train.backbone=frozen only."""
    projector_hidden_size: Channels
    """Hidden units of the projector, which the contrast alone uses."""
    projection_size: Channels
    """Numbers in a projection, the projector's output."""

    @property
    def before_training(self) -> str:
        """What the encoder that training starts from is called wherever a person reads."""
        return "untrained" if self.weights == "none" else "as loaded"

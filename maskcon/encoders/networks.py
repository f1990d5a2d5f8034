"""Encoders: images in [0, 1] to features, and features to projections.

encoder = build_encoder(parameters.model, parameters.data)
features = encoder(images)                              # [B, F]
save_encoder(path, encoder, parameters.model, parameters.data)
encoder = load_encoder(path)
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import DataParameters, ModelParameters, check_group
from maskcon.runtime.atomic_files import write_atomically

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

SMALL_IMAGE = 64  # pixels: up to here a ResNet keeps its resolution in the stem


class Encoder(nn.Module):
    """Standardised pixels through a convolutional backbone, averaged to a few places, flattened.

    Args:
        backbone: [B, c, H, W] -> [B, channels, h, w].
        channels: of the backbone's output.
        pooled: height and width that features are averaged to; F = channels * height * width.
        mean, std: [c], of the pixels in [0, 1].
    """

    def __init__(self, backbone: nn.Module, channels: int, pooled: list[int], mean: list[float], std: list[float]):
        super().__init__()
        self.backbone = backbone
        self.pooled = pooled
        self.feature_size = channels * pooled[0] * pooled[1]
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """float [B, c, H, W] in [0, 1] -> [B, F]."""
        images = images.contiguous(memory_format=torch.channels_last)  # as the weights are, see build_encoder
        maps = self.backbone((images - self.mean) / self.std)  # [B, channels, h, w]
        if self.pooled == [1, 1]:
            return maps.mean(dim=(2, 3))  # adaptive pooling, faster
        return F.adaptive_avg_pool2d(maps, self.pooled).flatten(1)


class ProjectedEncoder(nn.Module):
    """An encoder with the projector of the contrast: Linear, ReLU, Linear, no batch norm (MaskCon's published code)."""

    def __init__(self, encoder: Encoder, hidden_size: int, projection_size: int):
        super().__init__()
        self.encoder = encoder
        self.projector = nn.Sequential(
            nn.Linear(encoder.feature_size, hidden_size), nn.ReLU(), nn.Linear(hidden_size, projection_size)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """float [B, c, H, W] in [0, 1] -> features [B, F], projections [B, D] of any length."""
        features = self.encoder(images)
        return features, self.projector(features)


def build_encoder(model: ModelParameters, data: DataParameters) -> Encoder:
    """An encoder with fresh weights from torch's global generator, or with ImageNet's where the parameters say so."""
    if model.backbone == "small_conv":
        backbone, channels = _small_conv(data.channels, model.width)
    else:
        backbone, channels = _resnet(model, data)
    encoder = Encoder(backbone, channels, model.pooled, data.mean[: data.channels], data.std[: data.channels])
    return encoder.to(memory_format=torch.channels_last)


def save_encoder(path: Path, encoder: Encoder, model: ModelParameters, data: DataParameters) -> None:
    """Weights, with the configuration that rebuilds the encoder around them."""
    content = {"model": model.model_dump(), "data": data.model_dump(), "weights": encoder.state_dict()}
    buffer = io.BytesIO()  # torch hides a full disk behind an error of its own
    torch.save(content, buffer)
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def load_encoder(path: Path, device: torch.device | str = "cpu") -> Encoder:
    """The encoder of a file, in evaluation mode. Only tensors and plain values are read from it.

    Raises:
        UserError: the file is missing or not an encoder of this program.
    """
    return load_encoder_with_data(path, device)[0]


def load_encoder_with_data(path: Path, device: torch.device | str = "cpu") -> tuple[Encoder, DataParameters]:
    """The same, with the parameters of the image set that it was trained on: what its images have to look like."""
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        model = ModelParameters.model_validate(content["model"] | {"imagenet_weights": False})
        data = check_group("data", content["data"])
        encoder = build_encoder(model, data)
        encoder.load_state_dict(content["weights"])
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError, ImportError, UserError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is no encoder ({reason}); train one with: dvc repro pretrain") from None
    except Exception as error:  # unpickling refuses foreign content with an exception class of its own
        raise UserError(f"{path} is no encoder ({type(error).__name__}); train one with: dvc repro pretrain") from None
    return encoder.to(device).eval(), data


def _small_conv(in_channels: int, width: int) -> tuple[nn.Module, int]:
    """Five 3 x 3 convolutions with batch norm; resolution halves twice while channels double."""
    plan = [(width, 1), (2 * width, 2), (2 * width, 1), (4 * width, 2), (4 * width, 1)]  # (channels, stride)
    layers: list[nn.Module] = []
    for channels, stride in plan:
        layers += [
            nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        in_channels = channels
    return nn.Sequential(*layers), in_channels


def _resnet(model: ModelParameters, data: DataParameters) -> tuple[nn.Module, int]:
    """torchvision's ResNet without its head.

    Images up to 64 pixels get a 3 x 3 stem of stride 1 without max-pooling, as in MaskCon's published code; a stem
    that is replaced starts from fresh weights, also beside ImageNet weights.
    """
    import torchvision  # here, so that other encoders do not wait for it

    build = getattr(torchvision.models, model.backbone)
    network = build(weights=_imagenet_weights(model.backbone) if model.imagenet_weights else None)
    channels = network.fc.in_features
    if max(data.height, data.width) <= SMALL_IMAGE:
        network.conv1 = nn.Conv2d(data.channels, 64, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    elif data.channels == 1:
        network.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return nn.Sequential(*list(network.children())[:-2]), channels  # without pooling and classifier


def _imagenet_weights(backbone: str) -> WeightsEnum:
    """torchvision's ImageNet weights, fetched to torch's cache now, so that a lack of network is told in a sentence."""
    import torchvision

    weights = torchvision.models.get_model_weights(backbone).IMAGENET1K_V1
    try:
        weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"model.imagenet_weights=true needs {weights.url}, which cannot be fetched ({error}); put the file into "
            f"{torch.hub.get_dir()}/checkpoints, or set model.imagenet_weights=false"
        ) from None
    return weights

"""torchvision's ResNets, without their heads.

Images up to 64 pixels get a 3 x 3 stem of stride 1 without max-pooling, as in MaskCon's published code; a stem that is
replaced starts from random weights, also beside pretrained ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from maskcon.parameters.data import DataParameters
from maskcon.parameters.encoder import EncoderValues
from maskcon.parameters.errors import UserError
from maskcon.parameters.values import FilePath, Side

if TYPE_CHECKING:
    from torch import nn

    from maskcon.encoders.networks.backbone import Backbone

SMALL_IMAGE = 64  # pixels: up to here a ResNet keeps its resolution in the stem


class Values(EncoderValues):
    name: Literal["resnet"]
    backbone: Literal["resnet18", "resnet34", "resnet50"]
    weights: FilePath
    input_size: None
    pooled: Annotated[list[Side], Field(min_length=2, max_length=2)]
    """Height and width of the grid that features are averaged to."""


def build(values: Values, data: DataParameters, weights: bool = True) -> Backbone:
    from torch import nn
    from torchvision import models

    from maskcon.encoders.networks.backbone import Backbone, as_many_channels, statistics_of

    network = getattr(models, values.backbone)()
    statistics = statistics_of(data)
    if values.weights != "none":
        published = models.get_model_weights(values.backbone).IMAGENET1K_V1
        preset = published.transforms()
        statistics = {"mean": as_many_channels(tuple(preset.mean), data.channels)}
        statistics["std"] = as_many_channels(tuple(preset.std), data.channels)
        if weights:
            _load(network, values)
    channels = network.fc.in_features
    if max(data.height, data.width) <= SMALL_IMAGE:
        network.conv1 = nn.Conv2d(data.channels, 64, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    elif data.channels == 1:
        network.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    body = nn.Sequential(*list(network.children())[:-2])  # without pooling and classifier
    return Backbone(body, channels, **statistics, pooled=(values.pooled[0], values.pooled[1]))


def _load(network: nn.Module, values: Values) -> None:
    """Raises: UserError, where weights cannot be had, or are of another network."""
    import torch
    from torchvision import models

    from maskcon.encoders.networks.weights import read_weights

    if values.weights == "pretrained":
        published = models.get_model_weights(values.backbone).IMAGENET1K_V1
        try:
            weights = published.get_state_dict(progress=True, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"model.weights=pretrained needs {published.url}, which cannot be fetched ({error}); put the file into "
                f"{torch.hub.get_dir()}/checkpoints, or set model.weights=none"
            ) from None
    else:
        weights = read_weights(values.weights)
    own = network.state_dict()
    weights = {name: weight for name, weight in weights.items() if not name.startswith("fc.")}
    missing = [name for name in own if name not in weights and not name.startswith("fc.")]
    wrong = [name for name, weight in weights.items() if name not in own or own[name].shape != weight.shape]
    if missing or wrong:
        raise UserError(
            f"model.weights={values.weights} does not fit model.backbone={values.backbone} "
            f"({(missing + wrong)[0]} is missing or other); choose the network that they are of"
        )
    network.load_state_dict(weights, strict=False)  # but for the head, which is not used

"""Any image network of timm, by its name there, without its head.

Normalisation, input size and interpolation are those of the weights, as timm's ``pretrained_cfg`` states them.
"""

from __future__ import annotations

import contextlib
import difflib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from maskcon.parameters.data import DataParameters
from maskcon.parameters.encoder import EncoderValues
from maskcon.parameters.errors import UserError
from maskcon.parameters.values import FilePath

if TYPE_CHECKING:
    from torch import nn

    from maskcon.encoders.networks.backbone import Backbone


class Values(EncoderValues):
    name: Literal["timm"]
    backbone: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9_.]*$", max_length=100)]
    weights: FilePath
    input_size: Annotated[int, Field(ge=8, le=1024)] | None


def build(values: Values, data: DataParameters, weights: bool = True) -> Backbone:
    """Raises: UserError, for a name that timm does not know, or weights that cannot be had or do not fit."""
    from maskcon.encoders.networks.backbone import Backbone, as_many_channels, statistics_of

    if values.weights == "none":
        size = (values.input_size,) * 2 if values.input_size else (data.height, data.width)
        network = _network(values.backbone, data.channels, size)
        return Backbone(network, network.num_features, **statistics_of(data), input_size=size)
    chosen_size = (values.input_size,) * 2 if values.input_size else None
    source = _source(values) if weights else None
    network = _network(values.backbone, data.channels, chosen_size, source)
    config = network.pretrained_cfg
    return Backbone(
        network,
        network.num_features,
        mean=as_many_channels(config["mean"], data.channels),
        std=as_many_channels(config["std"], data.channels),
        input_size=chosen_size or tuple(config["input_size"][1:]),
        interpolation=config["interpolation"],
    )


def _network(name: str, channels: int, size: tuple[int, int] | None, source: dict[str, Any] | None = None) -> nn.Module:
    """timm's network. ``source`` says in timm's own words where weights come from; None: random weights.

    timm fits weights to other numbers of channels, and those of a transformer to another size.
    """
    import timm

    if not timm.is_model(name):
        near = difflib.get_close_matches(name.partition(".")[0], timm.list_models(), n=3)
        raise UserError(
            f"model.backbone={name} is unknown to timm {timm.__version__}. "
            f"Near it are {', '.join(near) or 'none'}; timm.list_models() lists all names"
        )
    arguments = {"num_classes": 0, "in_chans": channels, "pretrained": source is not None}
    try:
        with _nothing_missing():
            try:
                return timm.create_model(name, pretrained_cfg_overlay=source, img_size=size, **arguments)
            except TypeError:  # a network without a size of its own: it takes images of any
                return timm.create_model(name, pretrained_cfg_overlay=source, **arguments)
    except Exception as error:  # of the network, the hub's own kinds, or a file of other weights
        if source is None:
            raise
        raise _cannot_be_had(name, source, error) from None


@contextlib.contextmanager
def _nothing_missing() -> Iterator[None]:
    """Raises: ValueError, where timm leaves tensors random, which it says in its log alone."""
    said: list[str] = []
    log, handler = logging.getLogger("timm.models._builder"), logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    missing = [message for message in said if message.startswith("Missing keys")]
    if missing:
        raise ValueError(missing[0])


def _source(values: Values) -> dict[str, Any]:
    from maskcon.encoders.networks.weights import packaged_weights, read_weights

    if values.weights == "pretrained":
        return {}
    if values.weights == "package":
        return {"state_dict": packaged_weights(values.backbone)}
    return {"state_dict": read_weights(values.weights)}


def _cannot_be_had(name: str, source: dict[str, Any], error: Exception) -> UserError:
    import timm

    reason = " ".join(str(error).split())[:200]
    if source:
        return UserError(f"model.weights do not fit model.backbone={name} ({reason}); choose the network they are of")
    config = timm.get_pretrained_cfg(name)
    if config is None or not (config.hf_hub_id or config.url):
        return UserError(f"timm has no pretrained weights for model.backbone={name}; set model.weights=none")
    place = f"the file model.safetensors of {config.hf_hub_id}" if config.hf_hub_id else config.url
    return UserError(
        f"model.weights=pretrained needs {place}, which cannot be fetched ({reason}); fetch it on another machine, "
        "and set model.weights to the path of the file"
    )

"""The least memory that a run takes, so that one that cannot fit is refused before work starts.

    require_memory_for_run(parameters)

What is counted here is needed for certain; the rest (activations, libraries, copies) comes on top. So nothing is
refused that would have fitted, while more than this may turn out not to fit.
"""

import os

from maskcon.parameters.data import ComposedSet
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters

NUMBER = 4  # bytes of a float32
PRECISE_NUMBER = 8  # of a float64


def host_memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def require_memory_for_run(parameters: Parameters) -> None:
    """Raises: UserError, where this machine's memory cannot hold the set as it is made, or a checkpoint."""
    data, model = parameters.data, parameters.model
    if isinstance(data, ComposedSet):
        what = f"data.images={data.images.model_dump()} of data.height={data.height}, data.width={data.width}"
        _require(what, composing_bytes(data), host_memory())
    what = (
        f"train.queue_size={parameters.train.queue_size}, model.width={model.width}, model.pooled={model.pooled}, "
        f"model.projector_hidden_size={model.projector_hidden_size}, model.projection_size={model.projection_size}"
    )
    if parameters.loss.name == "wcl":
        what += f", loss.graph_hidden_size={parameters.loss.graph_hidden_size}"
    _require(what, checkpoint_bytes(parameters), host_memory())


def require_memory_for_step(parameters: Parameters, device_memory: int | None) -> None:
    """Raises: UserError, where a step does not fit; ``device_memory`` is the GPU's in bytes, None without one."""
    require_memory_for_run(parameters)
    recipe = parameters.train
    what = f"train.batch_size={recipe.batch_size} with train.queue_size={recipe.queue_size}"
    _require(what, step_bytes(parameters), host_memory() if device_memory is None else device_memory)


def _require(what: str, needed: int, there_is: int) -> None:
    if needed > there_is:
        raise UserError(
            f"{what} would take at least {needed / 1e9:,.1f} GB of memory, and there are {there_is / 1e9:,.1f} GB; "
            "lower them"
        )


def composing_bytes(data: ComposedSet) -> int:
    """Of the canvases that the largest part is drawn on."""
    return PRECISE_NUMBER * max(data.images.model_dump().values()) * data.height * data.width


def checkpoint_bytes(parameters: Parameters) -> int:
    """Of query network, key network, extra head, momentum and queue, which a checkpoint holds whole.

    The backbone of a ResNet, at most 100 MB, is not counted.
    """
    model, data = parameters.model, parameters.data
    channels, backbone = 512, 0
    if model.backbone == "small_conv":  # five 3 x 3 convolutions to w, 2w, 2w, 4w and 4w channels
        width = model.width
        channels, backbone = 4 * width, 9 * width * (data.channels + (2 + 4 + 8 + 16) * width)
    features = channels * model.pooled[0] * model.pooled[1]
    projector = (features + model.projection_size) * model.projector_hidden_size
    kept_features = features if getattr(parameters.loss, "similarity_of", "keys") != "keys" else 0
    queue = parameters.train.queue_size * (model.projection_size + kept_features)
    head = 0
    if parameters.loss.name == "wcl":  # a projector of its own with two hidden layers, of which there is no key network
        hidden = parameters.loss.graph_hidden_size
        head = (features + hidden + model.projection_size) * hidden
    return NUMBER * (3 * (backbone + projector) + 2 * head + queue)


def step_bytes(parameters: Parameters) -> int:
    """Of the similarities of a batch to the queue, and of their target."""
    return NUMBER * 2 * parameters.train.batch_size * parameters.train.queue_size

"""The file of an encoder: its weights, and the values that build it again around them.

save_encoder(path, encoder, parameters.model, parameters.data)
encoder = load_encoder(path)
"""

from __future__ import annotations

import io
from pathlib import Path

import torch
from torch import Tensor

from maskcon.encoders.networks.adapter import Adapter, Readout
from maskcon.encoders.networks.encoder import Encoder, ProjectedEncoder, build_encoder
from maskcon.parameters.data import DataParameters
from maskcon.parameters.encoder import EncoderValues
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import check_group
from maskcon.runtime.atomic_files import write_atomically


def save_encoder(path: Path, encoder: Encoder, model: EncoderValues, data: DataParameters) -> None:
    """Backbone and adapter as one."""
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
        model, data = check_group("model", content["model"]), check_group("data", content["data"])
        encoder = build_encoder(model, data, weights=False)
        encoder.adapter = readout_for(content["weights"], model)
        encoder.load_state_dict(content["weights"])
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError, ImportError, UserError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is not an encoder ({reason}); train one with: dvc repro pretrain") from None
    except Exception as error:  # unpickling refuses foreign content with an exception class of its own
        reason = type(error).__name__
        raise UserError(f"{path} is not an encoder ({reason}); train one with: dvc repro pretrain") from None
    return encoder.to(device).eval(), data


def readout_for(weights: dict[str, Tensor], model: EncoderValues) -> Readout | None:
    """An adapter of the shapes that these weights of an encoder have; None where they have none."""
    directions = weights.get("adapter.adapter.directions")
    if directions is None:
        return None
    adapter = Adapter(torch.empty(directions.shape[0]), torch.empty(directions.shape))
    if "adapter.projector.0.weight" not in weights:
        return Readout(adapter, "features")
    projected = ProjectedEncoder(adapter, model.projector_hidden_size, model.projection_size)
    return Readout(adapter, model.adapter.readout, projected.projector)

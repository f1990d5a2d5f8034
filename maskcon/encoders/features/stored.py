"""Stored features of training views: features/NAME.npy, float16 [V, N, F], NAME weak, strong or whole.

features/backbone.json has the values of the backbone that made them. dvc.yaml cannot list those that some backbones
alone have, so features that another backbone made are told by that file.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from maskcon.parameters.encoder import EncoderValues
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_json

FEATURES = Path("features")
BACKBONE = "backbone.json"
MAKE_AGAIN = "make it again with: dvc repro -f features"


def write_backbone(model: EncoderValues) -> None:
    write_json(FEATURES / BACKBONE, _backbone(model))


def require_backbone(model: EncoderValues) -> None:
    """Raises: UserError, where the stored features are not of the backbone of ``model``."""
    try:
        made_by = json.loads((FEATURES / BACKBONE).read_text())
    except (OSError, ValueError):
        made_by = None
    if made_by != _backbone(model):
        raise UserError(f"{FEATURES}/ is not of the backbone that {_backbone(model)} names; {MAKE_AGAIN}")


def _backbone(model: EncoderValues) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude={"adapter", "projector_hidden_size", "projection_size"})


def read_stored_views(name: str, images: int) -> np.ndarray:
    """float16 [V, N, F], as a memory map.

    Raises:
        UserError: the file is missing, or not of so many images.
    """
    path = FEATURES / f"{name}.npy"
    try:
        views = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}); {MAKE_AGAIN}") from None
    if views.dtype != np.float16 or views.ndim != 3 or views.shape[1] != images:
        raise UserError(
            f"{path} holds {views.dtype} {list(views.shape)}, expected float16 [V, {images}, F]; {MAKE_AGAIN}"
        )
    return views

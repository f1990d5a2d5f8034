"""Stored features of training views: features/NAME.npy, float16 [V, N, F], NAME weak, strong or whole."""

from pathlib import Path

import numpy as np

from maskcon.parameters.errors import UserError

FEATURES = Path("features")


def read_stored_views(name: str, images: int) -> np.ndarray:
    """float16 [V, N, F], as a memory map.

    Raises:
        UserError: the file is missing, or not of so many images.
    """
    path = FEATURES / f"{name}.npy"
    try:
        views = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}); make it again with: dvc repro -f features") from None
    if views.dtype != np.float16 or views.ndim != 3 or views.shape[1] != images:
        raise UserError(
            f"{path} holds {views.dtype} {list(views.shape)}, expected float16 [V, {images}, F]; "
            "make it again with: dvc repro -f features"
        )
    return views

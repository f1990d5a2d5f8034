"""Views of a data set: data.augmentation names the module here whose ``weak`` and ``strong`` make them."""

from collections.abc import Callable
from importlib import import_module

import torch
from torch import Tensor

View = Callable[[Tensor, torch.Generator], Tensor]


def view_maker(augmentation: str, strength: str) -> View:
    """The function that turns images into views.

    Args:
        augmentation: module of maskcon/augmentation, such as "characters".
        strength: "weak" or "strong".

    Returns:
        uint8 [B, c, H, W], generator -> float32 [B, c, H, W] in [0, 1].
    """
    make = getattr(import_module(f"maskcon.augmentation.{augmentation}"), strength)

    def view(images: Tensor, generator: torch.Generator) -> Tensor:
        made = make(images, generator)
        return made / 255 if made.dtype == torch.uint8 else made

    return view

"""Views of a data set: data.augmentation names the module here whose ``weak`` and ``strong`` make them.

A module that says CUTS = True makes a view of a part of the image; it is handed the view's size and the images'
stretch, see crop.draw_crops. Any other makes views of whole images, which are resized first where they are larger.
"""

from collections.abc import Callable
from importlib import import_module

import torch
from torch import Tensor

from maskcon.views.operations.crop import resized

View = Callable[[Tensor, torch.Generator, Tensor | None], Tensor]


def view_maker(augmentation: str, strength: str, size: tuple[int, int] | None = None) -> View:
    """The function that turns images into views.

    Args:
        augmentation: module of maskcon/views, such as "characters".
        strength: "weak" or "strong".
        size: height and width of the views; those of the images, unless said.

    Returns:
        uint8 [B, c, H, W], generator, stretch float64 [B] or None -> float32 [B, c, *size] in [0, 1].
    """
    family = import_module(f"maskcon.views.{augmentation}")
    make = getattr(family, strength)
    cuts = getattr(family, "CUTS", False)

    def view(images: Tensor, generator: torch.Generator, stretch: Tensor | None = None) -> Tensor:
        if cuts:
            made = make(images, generator, size, stretch)
        else:
            made = make(resized(images, size or images.shape[2:]), generator)
        return made / 255 if made.dtype == torch.uint8 else made

    return view

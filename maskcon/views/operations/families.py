"""Views of a data set: data.augmentation names the module of maskcon/views whose ``weak`` and ``strong`` make them.

Both take images uint8 [B, c, H, W], a generator on the CPU, the views' size (that of the images, unless said), and the
images' stretch, see crop.draw_crops; they give back views as bytes, or as float32 in [0, 1].
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
        strength: "weak" or "strong"; "whole": the image as it is, resized, with nothing random.
        size: height and width of the views; those of the images, unless said.

    Returns:
        uint8 [B, c, H, W], generator, stretch float64 [B] or None -> float32 [B, c, *size] in [0, 1].
    """
    if strength == "whole":
        return lambda images, generator, stretch=None: resized(images, size or tuple(images.shape[2:])) / 255
    make = getattr(import_module(f"maskcon.views.{augmentation}"), strength)

    def view(images: Tensor, generator: torch.Generator, stretch: Tensor | None = None) -> Tensor:
        made = make(images, generator, size, stretch)
        return made / 255 if made.dtype == torch.uint8 else made

    return view

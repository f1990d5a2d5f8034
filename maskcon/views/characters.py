"""Views of characters: shift, rotation, scale, shear, contrast and noise, each image its own; never a flip.

view = strong(images, generator)          # uint8 [B, c, H, W] -> float32 [B, c, H, W] in [0, 1]
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from maskcon.views.operations.crop import resized
from maskcon.views.operations.draws import draw_for_each, uniform


@dataclass(frozen=True)
class Strength:
    """The largest change either way; each image draws uniformly within."""

    shift: float  # pixels
    rotation: float  # radians
    scale: float  # factor 1 / (1 + scale) to 1 + scale
    shear: float
    contrast: float  # factor 1 / (1 + contrast) to 1 + contrast
    noise: float  # standard deviation at most, pixels in [0, 1]


WEAK = Strength(shift=1.0, rotation=0.1, scale=0.1, shear=0.1, contrast=0.2, noise=0.0)
STRONG = Strength(shift=2.0, rotation=0.25, scale=0.2, shear=0.25, contrast=0.6, noise=0.08)


def weak(
    images: Tensor, generator: torch.Generator, size: tuple[int, int] | None = None, stretch: Tensor | None = None
) -> Tensor:
    return distort(resized(images, size or images.shape[2:]), WEAK, generator)


def strong(
    images: Tensor, generator: torch.Generator, size: tuple[int, int] | None = None, stretch: Tensor | None = None
) -> Tensor:
    return distort(resized(images, size or images.shape[2:]), STRONG, generator)


def distort(images: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """Distort each image by its own draw.

    Args:
        images: uint8 [B, c, H, W].
        generator: on the CPU; the draws are the same whatever the images' device.

    Returns:
        float32 [B, c, H, W] in [0, 1].
    """
    number, _, height, width = images.shape

    def draw(largest: float) -> Tensor:
        return ((uniform(number, generator) * 2 - 1) * largest).to(images.device)

    def draw_factor(largest: float) -> Tensor:
        return (1 + largest) ** draw(1.0)

    maps = affine_maps(
        shift_y=draw(strength.shift),
        shift_x=draw(strength.shift),
        rotation=draw(strength.rotation),
        scale=draw_factor(strength.scale),
        shear=draw(strength.shear),
        height=height,
        width=width,
    )
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    view = F.grid_sample(images / 255, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    view = view * draw_factor(strength.contrast).view(-1, 1, 1, 1)
    if strength.noise:
        deviation = draw(strength.noise).abs().view(-1, 1, 1, 1)
        shape = view.shape[1:]
        noise = draw_for_each(lambda number: torch.randn(number, *shape, generator=generator), number, generator)
        view = view + deviation * noise.to(view.device)
    return view.clamp_(0, 1)


def affine_maps(
    shift_y: Tensor, shift_x: Tensor, rotation: Tensor, scale: Tensor, shear: Tensor, height: int, width: int
) -> Tensor:
    """The maps from output to input places that turn, shear, scale and shift images about their centre.

    In pixels from the centre, input = rotate(rotation) shear(shear) (output - shift) / scale; torch counts places
    from -1 to 1 along both axes instead.

    Args:
        shift_y, shift_x: [B], pixels; rotation: [B], radians; scale, shear: [B].

    Returns:
        float32 [B, 2, 3] for ``torch.nn.functional.affine_grid``.
    """
    cosine, sine = rotation.cos() / scale, rotation.sin() / scale
    x_from_x, x_from_y = cosine, cosine * shear - sine
    y_from_x, y_from_y = sine, sine * shear + cosine
    shift_x, shift_y = shift_x * 2 / width, shift_y * 2 / height
    x_from_y, y_from_x = x_from_y * height / width, y_from_x * width / height
    x_offset = -(x_from_x * shift_x + x_from_y * shift_y)
    y_offset = -(y_from_x * shift_x + y_from_y * shift_y)
    row_x = torch.stack([x_from_x, x_from_y, x_offset], dim=1)
    row_y = torch.stack([y_from_x, y_from_y, y_offset], dim=1)
    return torch.stack([row_x, row_y], dim=1)

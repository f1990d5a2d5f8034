"""Weak and strong views of small colour images (CIFAR, ImageNet at 32 pixels), as in the MaskCon experiments.

    generator = torch_generator(seed, "views", epoch, step)
    query_view, key_view = strong(images, generator), weak(images, generator)

Every image has its own draw, made on the CPU; the work is done on the images' device.
"""

from torch import Generator, Tensor

from maskcon.views.operations.autoaugment import autoaugment, draw_policies
from maskcon.views.operations.crop import draw_crops, resized_crop

SMALLEST_AND_LARGEST_SHARE = (0.2, 1.0)  # of the image's area, in a crop


def weak(
    images: Tensor, generator: Generator, size: tuple[int, int] | None = None, stretch: Tensor | None = None
) -> Tensor:
    """Random resized crop to ``size`` and horizontal flip: uint8 [B, 3, H, W] to uint8 [B, 3, *size]."""
    height, width = images.shape[2:]
    crops = draw_crops(len(images), height, width, generator, scale=SMALLEST_AND_LARGEST_SHARE, stretch=stretch)
    return resized_crop(images, crops, size or (height, width))


def strong(
    images: Tensor, generator: Generator, size: tuple[int, int] | None = None, stretch: Tensor | None = None
) -> Tensor:
    """A weak view and then AutoAugment's policy for CIFAR-10: uint8 [B, 3, H, W] to uint8 [B, 3, *size]."""
    return autoaugment(weak(images, generator, size, stretch), draw_policies(len(images), generator))

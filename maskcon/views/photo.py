"""Weak and strong views of photos, as the MaskCon experiments have them for Stanford Cars.

For Online Products they leave colours as they are, see products.py.

    generator = torch_generator(seed, "views", epoch, step)
    query_view, key_view = strong(images, generator, (224, 224)), weak(images, generator, (224, 224))

Every image has its own draw, made on the CPU; the work is done on the images' device, on all images at once that share
an operation. The operations are torchvision's on floating-point images, one parameter per image, not per batch.
"""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from maskcon.views.operations.draws import changed, chosen, uniform
from maskcon.views.operations.perspective import crop_in_perspective

JITTER_SHARE = 0.8
BRIGHTNESS = CONTRAST = SATURATION = 0.4  # factors from 1 - 0.4 to 1 + 0.4
HUE = 0.1  # of the circle of hues, either way
GREY_SHARE = 0.2
BLUR_SHARE = 0.5
BLUR_SIGMA = (0.1, 2.0)  # pixels
BLUR_REACH = 8  # pixels either way: four times the largest sigma
LUMINANCE = (0.2989, 0.587, 0.114)  # of red, green and blue, ITU-R 601

weak = crop_in_perspective


def strong(
    images: Tensor, generator: Generator, size: tuple[int, int] | None = None, stretch: Tensor | None = None
) -> Tensor:
    """A weak view and then colour jitter, grey and blur, each of a share of the views; see ``weak``."""
    views = weak(images, generator, size, stretch)
    number = len(views)
    views = _jittered(views, chosen(number, JITTER_SHARE, generator), generator)
    views = changed(views, chosen(number, GREY_SHARE, generator), grey)
    sigma = _between(*BLUR_SIGMA, number, generator)
    return changed(views, chosen(number, BLUR_SHARE, generator), blur, sigma)


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    return _blend(images, torch.zeros_like(images[:, :1]), factor)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    return _blend(images, _luminance(images).mean(dim=(2, 3), keepdim=True), factor)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    return _blend(images, _luminance(images), factor)


def adjust_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Each image with its hues moved by ``turn`` [b] of the circle.

    With value v the largest channel, chroma c the difference to the smallest and hue H in sixths of the circle, the
    channels n = 5, 3, 1 (red, green, blue) of a pixel are v - c max(0, min(k, 4 - k, 1)) at k = (n + H) mod 6.
    """
    value, largest = images.max(dim=1)  # [b, H, W]
    chroma = value - images.min(dim=1).values
    red, green, blue = images.unbind(1)
    sixth = torch.stack([green - blue, blue - red, red - green], dim=1).gather(1, largest[:, None])[:, 0]
    hue = 2 * largest + sixth / torch.where(chroma == 0, 1, chroma) + 6 * turn.view(-1, 1, 1)
    channel = torch.tensor([5.0, 3.0, 1.0], device=images.device).view(1, 3, 1, 1)
    k = (channel + hue[:, None]) % 6
    return value[:, None] - chroma[:, None] * torch.minimum(k, 4 - k).clamp(0, 1)


def grey(images: Tensor) -> Tensor:
    return _luminance(images).expand_as(images)


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Each image convolved with a Gaussian of its ``sigma`` [b] pixels, rows and then columns, mirrored at edges."""
    number, channels, height, width = images.shape
    reach = min(BLUR_REACH, height - 1, width - 1)  # as far as an edge can be mirrored
    distance = torch.arange(-reach, reach + 1, device=images.device)
    weights = torch.exp(-0.5 * (distance / sigma[:, None]) ** 2)
    weights = (weights / weights.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)  # [b c, reach]
    planes = F.pad(images, [reach] * 4, mode="reflect").flatten(0, 1)[None]  # each plane a channel of its own
    planes = F.conv2d(planes, weights[:, None, None, :], groups=number * channels)
    planes = F.conv2d(planes, weights[:, None, :, None], groups=number * channels)
    return planes.view(number, channels, height, width)


def _jittered(views: Tensor, which: Tensor, generator: Generator) -> Tensor:
    """The four changes of colour, in an order drawn for each view."""
    number = len(views)
    changes = [
        (adjust_brightness, _between(1 - BRIGHTNESS, 1 + BRIGHTNESS, number, generator)),
        (adjust_contrast, _between(1 - CONTRAST, 1 + CONTRAST, number, generator)),
        (adjust_saturation, _between(1 - SATURATION, 1 + SATURATION, number, generator)),
        (adjust_hue, _between(-HUE, HUE, number, generator)),
    ]
    order = uniform(number, generator, len(changes)).argsort(dim=1)  # [B, 4]
    for place in range(len(changes)):
        for index, (change, amount) in enumerate(changes):
            views = changed(views, which & (order[:, place] == index), change, amount)
    return views


def _between(low: float, high: float, number: int, generator: Generator) -> Tensor:
    return low + (high - low) * uniform(number, generator)


def _blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """``factor`` [b] of the image and the rest of the other, kept in [0, 1]."""
    factor = factor.view(-1, 1, 1, 1)
    return (factor * images + (1 - factor) * other).clamp(0, 1)


def _luminance(images: Tensor) -> Tensor:
    """[b, 3, H, W] -> [b, 1, H, W]."""
    weights = torch.tensor(LUMINANCE, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)

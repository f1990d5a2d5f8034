"""Weak and strong views of photos (Stanford Cars, Online Products), as in the MaskCon experiments.

    generator = torch_generator(seed, "views", epoch, step)
    query_view, key_view = strong(images, generator, (224, 224)), weak(images, generator, (224, 224))

Every image has its own draw, made on the CPU; the work is done on the images' device, on all images at once that share
an operation. The operations are torchvision's on floating-point images, one parameter an image instead of one a batch.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from maskcon.views.operations.crop import draw_crops, resized_crop
from maskcon.views.operations.draws import draw_for_each

CUTS = True  # a view is a part of the image, see views.py
SMALLEST_AND_LARGEST_SHARE = (0.2, 1.0)  # of the photo's area, in a crop
DISTORTION = 0.5  # a corner moves at most so far towards the middle, in halves of a side
PERSPECTIVE_SHARE = 0.5  # of the views
JITTER_SHARE = 0.8
BRIGHTNESS = CONTRAST = SATURATION = 0.4  # factors from 1 - 0.4 to 1 + 0.4
HUE = 0.1  # of the circle of hues, either way
GREY_SHARE = 0.2
BLUR_SHARE = 0.5
BLUR_SIGMA = (0.1, 2.0)  # pixels
BLUR_REACH = 8  # pixels either way: four times the largest sigma
LUMINANCE = (0.2989, 0.587, 0.114)  # of red, green and blue, ITU-R 601


def weak(
    images: Tensor, generator: Generator, size: tuple[int, int] | None = None, stretch: Tensor | None = None
) -> Tensor:
    """Random resized crop to ``size``, flip, and a change of perspective of half the views.

    Args:
        images: uint8 [B, 3, H, W].
        stretch: see crop.draw_crops.

    Returns:
        float32 [B, 3, *size] in [0, 1].
    """
    height, width = images.shape[2:]
    crops = draw_crops(len(images), height, width, generator, scale=SMALLEST_AND_LARGEST_SHARE, stretch=stretch)
    views = resized_crop(images, crops, size or (height, width)) / 255
    corners = draw_corners(len(views), *views.shape[2:], generator)
    return _changed(views, _chosen(len(views), PERSPECTIVE_SHARE, generator), change_perspective, corners)


def strong(
    images: Tensor, generator: Generator, size: tuple[int, int] | None = None, stretch: Tensor | None = None
) -> Tensor:
    """A weak view and then colour jitter, grey and blur, each of a share of the views; see ``weak``."""
    views = weak(images, generator, size, stretch)
    number = len(views)
    views = _jittered(views, _chosen(number, JITTER_SHARE, generator), generator)
    views = _changed(views, _chosen(number, GREY_SHARE, generator), grey)
    sigma = _between(*BLUR_SIGMA, number, generator)
    return _changed(views, _chosen(number, BLUR_SHARE, generator), blur, sigma)


def draw_corners(number: int, height: int, width: int, generator: Generator) -> Tensor:
    """Where the corners of each image go, by the law of torchvision's RandomPerspective.

    Returns:
        float32 [number, 4, 2]: x and y in pixels of the top left, top right, bottom right and bottom left corner, each
        a whole number drawn evenly from the quarter of the image around it that DISTORTION allows.
    """
    far_x, far_y = int(DISTORTION * (width // 2)), int(DISTORTION * (height // 2))

    def draw(far: int) -> Tensor:
        return draw_for_each(
            lambda number: torch.randint(0, far + 1, (number, 4), generator=generator), number, generator
        )

    x, y = draw(far_x), draw(far_y)
    x[:, [1, 2]] = width - 1 - x[:, [1, 2]]
    y[:, [2, 3]] = height - 1 - y[:, [2, 3]]
    return torch.stack([x, y], dim=2).float()


def change_perspective(images: Tensor, corners: Tensor) -> Tensor:
    """Each image with its corners moved to ``corners`` [b, 4, 2], bilinear, black around it.

    The point (x, y) of the result shows the point (u, v) of the image,

        u = (a x + b y + c) / (g x + h y + 1),   v = (d x + e y + f) / (g x + h y + 1),

    with a to h such that the new corners show the old ones: eight linear equations, two a corner.
    """
    number, _, height, width = images.shape
    right, bottom = width - 1.0, height - 1.0
    old = torch.tensor([[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]], dtype=torch.float64)
    x, y = corners.cpu().double().unbind(2)  # [b, 4]
    u, v = old.expand(number, 4, 2).unbind(2)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    for_u = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=2)
    for_v = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=2)
    solution = torch.linalg.solve(torch.cat([for_u, for_v], dim=1), torch.cat([u, v], dim=1))  # [b, 8]
    matrices = torch.cat([solution, one[:, :1]], dim=1).view(number, 3, 3).float().to(images.device)

    columns = torch.arange(width, device=images.device) + 0.5  # torchvision measures at the middles of pixels
    rows = torch.arange(height, device=images.device) + 0.5
    points = torch.stack([*torch.meshgrid(columns, rows, indexing="xy"), torch.ones(height, width).to(images.device)])
    shown = matrices @ points.flatten(1)  # [b, 3, H W]
    shown = (shown[:, :2] / shown[:, 2:]).transpose(1, 2).view(number, height, width, 2)
    grid = shown / torch.tensor([width / 2, height / 2], device=images.device) - 1
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


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


def _jittered(views: Tensor, chosen: Tensor, generator: Generator) -> Tensor:
    """The four changes of colour, in an order drawn for each view."""
    number = len(views)
    changes = [
        (adjust_brightness, _between(1 - BRIGHTNESS, 1 + BRIGHTNESS, number, generator)),
        (adjust_contrast, _between(1 - CONTRAST, 1 + CONTRAST, number, generator)),
        (adjust_saturation, _between(1 - SATURATION, 1 + SATURATION, number, generator)),
        (adjust_hue, _between(-HUE, HUE, number, generator)),
    ]
    order = _uniform(number, generator, len(changes)).argsort(dim=1)  # [B, 4]
    for place in range(len(changes)):
        for index, (change, amount) in enumerate(changes):
            views = _changed(views, chosen & (order[:, place] == index), change, amount)
    return views


def _changed(views: Tensor, chosen: Tensor, change: Callable[..., Tensor], *drawn: Tensor) -> Tensor:
    """``views`` with those that are ``chosen`` (bool [B], on the CPU) changed, each by its own draw."""
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return views
    there = rows.to(views.device)
    views[there] = change(views[there], *(values[rows].to(views.device) for values in drawn))
    return views


def _chosen(number: int, share: float, generator: Generator) -> Tensor:
    return _uniform(number, generator) < share


def _between(low: float, high: float, number: int, generator: Generator) -> Tensor:
    return low + (high - low) * _uniform(number, generator)


def _uniform(number: int, generator: Generator, *shape: int) -> Tensor:
    return draw_for_each(lambda number: torch.rand(number, *shape, generator=generator), number, generator)


def _blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """``factor`` [b] of the image and the rest of the other, kept in [0, 1]."""
    factor = factor.view(-1, 1, 1, 1)
    return (factor * images + (1 - factor) * other).clamp(0, 1)


def _luminance(images: Tensor) -> Tensor:
    """[b, 3, H, W] -> [b, 1, H, W]."""
    weights = torch.tensor(LUMINANCE, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)

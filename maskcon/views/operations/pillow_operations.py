"""Pillow's image operations on batches: one strength per image, the pixels that Pillow gives.

Each takes uint8 images [B, 3, H, W] and float64 strengths [B] on the same device, whose unit it names, and returns
new uint8 images. Each repeats Pillow's own arithmetic (blends in float32, geometry in float64 or fixed point, the
fraction dropped where Pillow drops it), so that the pixels are the same; the tests allow one level, for other
versions of Pillow and other processors.

    brighter = brightness(images, torch.full([len(images)], 1.5, dtype=torch.float64))
"""

import math

import torch
from torch import Tensor

FILL = 128  # grey, where a moved image leaves nothing


def invert(images: Tensor, _: Tensor) -> Tensor:
    """ImageOps.invert; has no strength."""
    return 255 - images


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """ImageOps.posterize: the highest ``bits`` (1 to 8) of each pixel are kept."""
    return images & _per_image(256 - 2 ** (8 - bits), torch.uint8)


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """ImageOps.solarize: pixels from ``threshold`` (0 to 256) on are inverted."""
    return torch.where(images < _per_image(threshold.ceil(), torch.int16), images, 255 - images)


def autocontrast(images: Tensor, _: Tensor) -> Tensor:
    """ImageOps.autocontrast: each channel is stretched to 0 ... 255; has no strength."""
    lowest, highest = (extreme((2, 3), keepdim=True).double() for extreme in (images.amin, images.amax))
    spread = highest - lowest
    scale = torch.full_like(spread, 255) / spread  # `255 / spread` would multiply by the rounded reciprocal
    flat = spread == 0
    scale, offset = scale.masked_fill(flat, 1), (-lowest * scale).masked_fill(flat, 0)
    return (images * scale).add_(offset).clamp_(0, 255).to(torch.uint8)


def equalize(images: Tensor, _: Tensor) -> Tensor:
    """ImageOps.equalize: each channel's histogram is made flat; has no strength."""
    levels = images.flatten(2).long()
    histogram = levels.new_zeros(*levels.shape[:2], 256)
    histogram.scatter_add_(2, levels, levels.new_ones(1, 1, 1).expand_as(levels))
    brightest = histogram.gather(2, levels.amax(2, keepdim=True))
    step = (levels.shape[2] - brightest) // 255  # pixels for one level of the result; 0: too few to equalise
    darker = histogram.cumsum(2) - histogram
    table = ((step // 2 + darker) // step.clamp(min=1)).clamp_(max=255)
    table = torch.where(step > 0, table, torch.arange(256, device=images.device)).to(torch.uint8)
    return table.gather(2, levels).view_as(images)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """ImageEnhance.Brightness: 0 gives black, 1 the image."""
    return _blend(images.new_zeros(1, dtype=torch.float32), images, factor)


def color(images: Tensor, factor: Tensor) -> Tensor:
    """ImageEnhance.Color: 0 gives the grey image, 1 the image."""
    return _blend(_luminance(images).float(), images, factor)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """ImageEnhance.Contrast: 0 gives the image's mean grey all over, 1 the image."""
    mean = _luminance(images).double().mean((1, 2, 3), keepdim=True)
    return _blend((mean + 0.5).floor_().float(), images, factor)


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """ImageEnhance.Sharpness: 0 gives the smoothed image, 1 the image; the outermost pixels stay."""
    sharpened = images.clone()
    inside = images[:, :, 1:-1, 1:-1]
    if inside.numel():
        floats = images.float()
        columns = floats[..., :-2] + floats[..., 1:-1] + floats[..., 2:]
        weighted = columns[:, :, :-2] + columns[:, :, 1:-1] + columns[:, :, 2:] + 4 * floats[:, :, 1:-1, 1:-1]
        smooth = (weighted / 13 + 0.5).floor_()  # ImageFilter.SMOOTH: 3 x 3 ones with 5 in the middle, over 13
        sharpened[:, :, 1:-1, 1:-1] = _blend(smooth, inside, factor)
    return sharpened


def translate_x(images: Tensor, share: Tensor) -> Tensor:
    """Image.transform, nearest pixel: moved to the left by ``share`` of the width (to the right if negative)."""
    height, width = images.shape[2:]
    columns = _pixels(width, images) + (share * width + 0.5).floor().long()[:, None, None]
    return _nearest(images, _pixels(height, images)[:, None], columns)


def translate_y(images: Tensor, share: Tensor) -> Tensor:
    """Image.transform, nearest pixel: moved up by ``share`` of the height (down if negative)."""
    height, width = images.shape[2:]
    rows = _pixels(height, images)[:, None] + (share * height + 0.5).floor().long()[:, None, None]
    return _nearest(images, rows, _pixels(width, images))


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Image.rotate, nearest pixel, counterclockwise about the centre, in Pillow's 16 + 16 bit coordinates."""
    height, width = images.shape[2:]
    angle = degrees[:, None, None] * (-math.pi / 180)
    cosine, sine = angle.cos(), angle.sin()

    def fixed(coordinate: Tensor) -> Tensor:
        return (coordinate * 65536 + 0.5).floor().long()

    def source(x_part: Tensor, y_part: Tensor, centre: float) -> Tensor:
        middle = (x_part * (-width / 2) + y_part * (-height / 2)) + centre
        first = fixed(middle + x_part * 0.5 + y_part * 0.5)
        steps = fixed(x_part) * _pixels(width, images) + fixed(y_part) * _pixels(height, images)[:, None]
        return (first + steps) >> 16

    return _nearest(images, rows=source(-sine, cosine, height / 2), columns=source(cosine, sine, width / 2))


def shear_y(images: Tensor, slope: Tensor) -> Tensor:
    """Image.transform, bicubic: row y of column x is taken from y + ``slope`` x."""
    height, width = images.shape[2:]
    y = slope[:, None, None] * (_pixels(width, images) + 0.5) + (_pixels(height, images)[:, None] + 0.5)
    inside = (y >= 0) & (y < height)
    y = y - 0.5
    above = y.floor()
    d = (y - above)[:, None]
    rows = above.long()[:, None].expand(-1, images.shape[1], -1, -1)
    v1, v2, v3, v4 = (images.gather(2, (rows + tap).clamp_(0, height - 1)).short() for tap in (-1, 0, 1, 2))
    # Pillow's transforms use the cubic with a = -1 (its resize has -1/2), summed in this order
    cubic = v2 + d * ((v3 - v1) + d * ((2 * (v1 - v2) + v3 - v4) + d * (-v1 + v2 - v3 + v4)))
    return torch.where(inside[:, None], cubic.clamp_(0, 255).to(torch.uint8), FILL)


def _blend(degenerate: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    """Image.blend: degenerate + factor (image - degenerate) in float32, the fraction dropped."""
    difference = images - degenerate
    return difference.mul_(_per_image(factor, torch.float32)).add_(degenerate).clamp_(0, 255).to(torch.uint8)


def _luminance(images: Tensor) -> Tensor:
    """int32 [B, 1, H, W]: Image.convert("L"), ITU-R 601-2 luma in 16 bit fixed point."""
    red, green, blue = images.int().split(1, dim=1)
    return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16


def _nearest(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The pixels at ``rows`` and ``columns`` (int64, broadcast to [B, H, W]), grey where they lie outside."""
    channels, height, width = images.shape[1:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    position = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
    found = images.flatten(2).gather(2, position.flatten(1)[:, None].expand(-1, channels, -1))
    return torch.where(inside[:, None], found.view_as(images), FILL)


def _pixels(number: int, images: Tensor) -> Tensor:
    return torch.arange(number, device=images.device)


def _per_image(strength: Tensor, dtype: torch.dtype) -> Tensor:
    return strength.to(dtype)[:, None, None, None]

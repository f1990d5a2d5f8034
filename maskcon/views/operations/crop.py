"""Random resized crop and horizontal flip, one draw per image, the whole batch at once.

What is drawn stands apart from what is done with it, so that either can be checked alone:

    crops = draw_crops(len(images), 32, 32, generator)   # torchvision's law, on the CPU
    views = resized_crop(images, crops, (32, 32))        # Pillow's pixels, on the images' device
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from maskcon.views.operations.draws import uniform

TRIES = 10  # torchvision's RandomResizedCrop gives up after as many boxes that do not fit
COEFFICIENT_BITS = 22  # Pillow resizes bytes with weights that are whole multiples of 2^-22
IMAGES_IN_CACHE = 48  # of 32 x 32 pixels; on a CPU, larger parts wait for memory, smaller ones for the calls
LARGEST_EXACT_IN_FLOAT32 = 1024  # pixels; see _exact_type
NARROW = 16  # of a CPU: from so many times fewer weights than pixels on, bands are faster than matrices


@dataclass(frozen=True)
class Crops:
    """A box inside each image, and whether the view is mirrored. All on the CPU."""

    top: Tensor  # int64 [B], pixels
    left: Tensor  # int64 [B], pixels
    height: Tensor  # int64 [B], pixels
    width: Tensor  # int64 [B], pixels
    flip: Tensor  # bool [B], left and right exchanged

    def between(self, start: int, end: int) -> Crops:
        """Those of the images from ``start`` to before ``end``."""
        return Crops(*(value[start:end] for value in vars(self).values()))


def draw_crops(
    number: int,
    height: int,
    width: int,
    generator: Generator,
    scale: tuple[float, float] = (0.2, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    stretch: Tensor | None = None,
) -> Crops:
    """``number`` boxes in images of ``height`` x ``width`` pixels, by the law of torchvision's RandomResizedCrop.

    The share of the area is uniform in ``scale``, the logarithm of width / height uniform in the logarithms of
    ``ratio``; the first of ten such boxes that fits is placed uniformly; if none fits, the box is the largest
    centred one with an allowed ratio. Half the views are mirrored. ``generator`` is one of the CPU.

    ``stretch``, float64 [number], says how many times wider each photo was, for its height, than the image that was
    stored of it: boxes are drawn as in the photo and then squashed with it. Without it, none was squashed.
    """
    if stretch is None:
        stretch = torch.ones(number, dtype=torch.float64)
    draw = functools.partial(uniform, number, generator, dtype=torch.float64)
    share = scale[0] + (scale[1] - scale[0]) * draw(TRIES)
    log_ratio = [math.log(end) for end in ratio]
    aspect = torch.exp(log_ratio[0] + (log_ratio[1] - log_ratio[0]) * draw(TRIES)) / stretch[:, None]
    area = height * width * share
    tried_width = torch.sqrt(area * aspect).round().long()
    tried_height = torch.sqrt(area / aspect).round().long()

    fits = (tried_width > 0) & (tried_width <= width) & (tried_height > 0) & (tried_height <= height)
    first = fits.byte().argmax(dim=1, keepdim=True)
    any_fits = fits.any(dim=1)
    centred_height, centred_width = _largest_boxes(height, width, ratio, stretch)
    box_height = torch.where(any_fits, tried_height.gather(1, first)[:, 0], centred_height)
    box_width = torch.where(any_fits, tried_width.gather(1, first)[:, 0], centred_width)

    free_rows, free_columns = height - box_height, width - box_width
    top = (draw() * (free_rows + 1)).long()
    left = (draw() * (free_columns + 1)).long()
    return Crops(
        top=torch.where(any_fits, top, free_rows // 2),
        left=torch.where(any_fits, left, free_columns // 2),
        height=box_height,
        width=box_width,
        flip=draw() < 0.5,
    )


def resized_crop(images: Tensor, crops: Crops, size: tuple[int, int]) -> Tensor:
    """The boxes cut out, resized to ``size`` (height, width) and mirrored where drawn.

    ``images`` is uint8 [B, C, H, W]; the result is uint8 [B, C, *size] on the same device. Each pass of a
    bilinear resize is linear in the pixels, so a batch is two batched matrix products,

        view = round( R · round( image · C^T ) ),   R [B, height, H] and C [B, width, W], one pair per image.

    The pixels are exactly those of Pillow's ``image.crop(box).resize(size, BILINEAR)``, enlarging or shrinking;
    Pillow before version 13 rounds between the passes in the other order for some boxes taller than ``size``
    (see _rows_first), which moves a pixel by at most 1.
    """
    together = IMAGES_IN_CACHE if images.device.type == "cpu" else max(1, len(images))
    parts = [
        _views_of_boxes(images[start : start + together], crops.between(start, start + together), size)
        for start in range(0, max(1, len(images)), together)
    ]
    return torch.cat(parts)


def _views_of_boxes(images: Tensor, crops: Crops, size: tuple[int, int]) -> Tensor:
    """``resized_crop`` of as many images as are worked on together."""
    height, width = images.shape[2:]
    if images.device.type == "cpu" and NARROW * max(_taps(height, size[0]), _taps(width, size[1])) <= min(
        height, width
    ):
        return _views_by_bands(images, crops, size)
    top, left, box_height, box_width, flip = (value.to(images.device) for value in vars(crops).values())
    rows = _resize_matrices(top, box_height, height, size[0])
    columns = _resize_matrices(left, box_width, width, size[1], flip)
    views = _columns_then_rows(images, rows, columns)
    rows_first = _rows_first(crops, size).nonzero()[:, 0].to(images.device)
    if len(rows_first):
        turned = images[rows_first].transpose(2, 3)
        views[rows_first] = _columns_then_rows(turned, columns[rows_first], rows[rows_first]).transpose(2, 3)
    return views


def _views_by_bands(images: Tensor, crops: Crops, size: tuple[int, int]) -> Tensor:
    """The same as sums of the few pixels whose weight is not 0, in 32 bit integers as Pillow adds them.

    Of large images the matrices hold little else than zeros, which a processor multiplies all the same. One image at
    a time: its sums stay in the cache.
    """
    rows = _resize_bands(crops.top, crops.height, images.shape[2], size[0])
    columns = _resize_bands(crops.left, crops.width, images.shape[3], size[1], crops.flip)
    views = images.new_empty(*images.shape[:2], *size)
    for number, rows_first in enumerate(_rows_first(crops, size).tolist()):
        passes = [(columns, 2), (rows, 1)]
        view = images[number]
        for (first, weights), dimension in reversed(passes) if rows_first else passes:
            view = _weighted_sum(view, first[number], weights[number], dimension)
        views[number] = view
    return views


def _weighted_sum(image: Tensor, first: Tensor, weights: Tensor, dimension: int) -> Tensor:
    """Pixel i of the result, along a dimension of [C, H, W], is the sum of weights[i, t] times pixel first[i] + t.

    ``first`` and ``weights`` are those of _resize_bands for this image.
    """
    last = image.shape[dimension] - 1
    along = (-1, 1) if dimension == 1 else (-1,)
    total = 2 ** (COEFFICIENT_BITS - 1)  # one half: rounds to the nearest
    for tap, weight in enumerate(weights.unbind(1)):
        total = total + image.index_select(dimension, (first + tap).clamp_(max=last)) * weight.view(along)
    return (total >> COEFFICIENT_BITS).to(torch.uint8)


def _columns_then_rows(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """round( rows · round( image · columns^T ) ) as uint8, halves rounded up."""
    with torch.autocast(images.device.type, enabled=False):  # which would round the sums to bfloat16
        lines = images.to(columns.dtype).flatten(1, 2)  # [B, C H, W]: all channels share one matrix
        halfway = torch.bmm(lines, columns.transpose(1, 2)).add_(0.5).floor_().unflatten(1, images.shape[1:3])
        return torch.matmul(rows[:, None], halfway.to(rows.dtype)).add_(0.5).to(torch.uint8)  # drops the fraction


def _rows_first(crops: Crops, size: tuple[int, int]) -> Tensor:
    """bool [B]: Pillow (13 and later) resizes rows before columns if the height loses over twice as many pixels
    as the width (observed on 11,428 random pairs of sizes, without exception)."""
    lost_rows, lost_columns = crops.height - size[0], crops.width - size[1]
    return (lost_rows > 0) & (lost_rows > 2 * lost_columns)


def _largest_boxes(height: int, width: int, ratio: tuple[float, float], stretch: Tensor) -> tuple[Tensor, Tensor]:
    """Heights and widths, int64 [B], of the largest boxes in each image whose shape in the photo lies in ``ratio``."""
    narrowest, widest = min(ratio) / stretch, max(ratio) / stretch  # width / height in the stored image
    shape = torch.full_like(stretch, width / height)
    box_height = torch.where(shape < narrowest, (width / narrowest).round().long(), height)
    box_width = torch.where(shape > widest, (height * widest).round().long(), width)
    return box_height, box_width


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Whole images, uint8 [B, C, H, W], at ``size`` (height, width)."""
    if tuple(images.shape[2:]) == tuple(size):
        return images
    number, _, height, width = images.shape
    top = torch.zeros(number, dtype=torch.int64)
    whole = Crops(top, top, torch.full_like(top, height), torch.full_like(top, width), torch.zeros(number).bool())
    return resized_crop(images, whole, size)


def _resize_matrices(start: Tensor, length: Tensor, source: int, target: int, flip: Tensor | None = None) -> Tensor:
    """[B, target, source]: weights of the ``source`` pixels in each of ``target`` pixels made from a box.

    Target pixel i looks at the source from c = start + (i + 1/2) length / target through a triangle that is as
    wide as one target pixel, at least one source pixel, on each side; pixels outside the box do not count, and
    the weights of a target pixel sum to 1 (Pillow's bilinear filter, with its rounded weights). Where ``flip``
    [B] is true, the target pixels come in the opposite order.
    """
    exact_type = _exact_type(source, target)
    pixel = torch.arange(source, dtype=exact_type, device=start.device).expand(len(start), 1, source)
    weights = _weights(pixel, start.to(exact_type), length.to(exact_type), target, flip)
    if exact_type is torch.float64:
        weights.mul_(2**COEFFICIENT_BITS).add_(0.5).floor_().mul_(2**-COEFFICIENT_BITS)
    return weights


def _resize_bands(
    start: Tensor, length: Tensor, source: int, target: int, flip: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """What of ``_resize_matrices`` is not 0: the first pixel, int64 [B, target], and weights, int32 [B, target, taps].

    The weights are in units of 2^-COEFFICIENT_BITS; those of pixels behind the last one are 0.
    """
    start, length = start.double(), length.double()
    scale = (length / target)[:, None]
    reach = scale.clamp(min=1)
    first = (start[:, None] + _places(target, flip, start)[..., 0] * scale - reach - 0.5).ceil().clamp_(min=0)
    pixel = first[..., None] + torch.arange(_taps(source, target), dtype=torch.float64)
    weights = _weights(pixel, start, length, target, flip)
    return first.long(), weights.mul_(2**COEFFICIENT_BITS).add_(0.5).int()


def _taps(source: int, target: int) -> int:
    """How many pixels of ``source`` can have a weight in one of ``target`` pixels."""
    return math.ceil(2 * max(source / target, 1)) + 1


def _places(target: int, flip: Tensor | None, like: Tensor) -> Tensor:
    """[B or 1, target, 1]: the middles of the target pixels, counted from the other end where the view is mirrored."""
    place = torch.arange(target, dtype=like.dtype, device=like.device)[None, :, None] + 0.5
    return place if flip is None else torch.where(flip[:, None, None], target - place, place)


def _weights(pixel: Tensor, start: Tensor, length: Tensor, target: int, flip: Tensor | None) -> Tensor:
    """The triangle's weights of pixels [B, target or 1, n] for each target pixel, before they are rounded."""
    start, length = start[:, None, None], length[:, None, None]
    pixel = pixel - start  # from the box's edge
    scale = length / target
    centre = _places(target, flip, start) * scale
    weights = (pixel - centre).add_(0.5).mul_(1 / scale.clamp(min=1)).abs_().neg_().add_(1).clamp_(min=0)
    weights.mul_((pixel >= 0) & (pixel < length))
    return weights.div_(weights.sum(dim=2, keepdim=True))


def _exact_type(source: int, target: int) -> torch.dtype:
    """The smallest type in which weights and weighted sums are free of rounding, in whatever order they are added.

    Enlarging to a power of two, all weights are multiples of 1 / (2 target): with 8 bits of pixel that fits into
    float32 (and the factors into TensorFloat-32, should the device multiply so). Other weights are multiples of
    2^-22, whose products with a pixel need 30 bits.
    """
    power_of_two = target & (target - 1) == 0
    return torch.float32 if power_of_two and source <= target <= LARGEST_EXACT_IN_FLOAT32 else torch.float64

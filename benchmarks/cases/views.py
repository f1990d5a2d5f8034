"""Views: a weak and a strong one of every image of a batch."""

import random
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks import published_recipe
from benchmarks.contest import Case, Contest
from benchmarks.photographs import photographs
from maskcon.runtime.randomness import torch_generator
from maskcon.views import photo
from maskcon.views.operations import perspective
from maskcon.views.operations.autoaugment import CIFAR10_POLICY, autoaugment, draw_policies
from maskcon.views.operations.crop import Crops, draw_crops, resized_crop
from maskcon.views.operations.families import view_maker

SIDE = 32
BATCH = 512
PHOTO_SIDE = 224
PHOTOS = 16
ONE_LEVEL = 1.0
SLOPE = 2.0  # levels: a change of perspective in float32 is off by 1/100 pixel, which shows at hard edges


def planes_of(images: np.ndarray) -> Tensor:
    """uint8 [N, H, W, 3] -> uint8 [N, 3, H, W]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def pixels_of(pictures: list[Image.Image]) -> Tensor:
    """int64 [N, 3, H, W]."""
    return planes_of(np.stack([np.asarray(picture) for picture in pictures])).long()


def boxes_of(crops: Crops) -> list[tuple[int, int, int, int]]:
    return list(zip(crops.top.tolist(), crops.left.tolist(), crops.height.tolist(), crops.width.tolist(), strict=True))


def our_pair(images: Tensor) -> None:
    """Both views of a batch in [0, 1], as training gets them."""
    generator = torch_generator(0, "benchmark")
    for strength in ("weak", "strong"):
        view_maker("small_colour", strength)(images, generator, None)


# The published pipeline


def difference_to_pillow(images: np.ndarray) -> float:
    """Ours less the published views of uint8 [N, H, W, 3], in levels, with the same boxes and operations."""
    planes = planes_of(images)
    size = images.shape[1:3]
    generator = torch_generator(1, "check")
    crops, policies = draw_crops(len(images), *size, generator), draw_policies(len(images), generator)
    weak = resized_crop(planes, crops, size)
    strong = autoaugment(weak, policies)
    theirs_weak, theirs_strong = [], []
    for number, box in enumerate(boxes_of(crops)):
        view = published_recipe.cut(Image.fromarray(images[number]), box, size, bool(crops.flip[number]))
        theirs_weak.append(view)
        for turn, (name, _, level) in enumerate(CIFAR10_POLICY[policies.sub_policy[number]]):
            if policies.applied[number, turn]:
                view = published_recipe.changed(view, name, level, 1 if policies.positive[number, turn] else -1)
        theirs_strong.append(view)
    return max(
        float((mine - pixels_of(theirs)).abs().max()) for mine, theirs in ((weak, theirs_weak), (strong, theirs_strong))
    )


def against_published() -> Contest:
    images = photographs(BATCH, SIDE)
    planes = planes_of(images)
    views = published_recipe.TwoViews(images, np.zeros(BATCH, np.int64), CIFAR10_POLICY, (0.5,) * 3, (0.25,) * 3)

    def peer() -> None:
        random.seed(0)
        torch.utils.data.default_collate([views[place] for place in range(BATCH)])

    return Contest(lambda: our_pair(planes), peer, lambda: difference_to_pillow(images), ONE_LEVEL)


# Photos: the changes of a strong view, all of them, with given amounts


class Amounts:
    """For every photo: box, corners, four factors of colour, and the blur."""

    def __init__(self, number: int, side: int):
        generator = torch_generator(0, "amounts")

        def between(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(number, generator=generator)

        self.crops = draw_crops(number, side, side, generator)
        self.corners = perspective.draw_corners(number, PHOTO_SIDE, PHOTO_SIDE, generator)
        self.brightness, self.contrast, self.saturation = (between(0.6, 1.4) for _ in range(3))
        self.hue, self.sigma = between(-0.1, 0.1), between(0.1, 2.0)


def our_photos(images: Tensor, amounts: Amounts) -> Tensor:
    views = resized_crop(images, amounts.crops, (PHOTO_SIDE, PHOTO_SIDE)) / 255
    views = perspective.change_perspective(views, amounts.corners)
    views = photo.adjust_brightness(views, amounts.brightness)
    views = photo.adjust_contrast(views, amounts.contrast)
    views = photo.adjust_saturation(views, amounts.saturation)
    views = photo.adjust_hue(views, amounts.hue)
    return photo.blur(views, amounts.sigma)


def torchvision_photos(images: Tensor, amounts: Amounts) -> Tensor:
    from torchvision.transforms.v2 import functional as V

    edge, views = PHOTO_SIDE - 1, []
    start = [[0, 0], [edge, 0], [edge, edge], [0, edge]]
    for number, box in enumerate(boxes_of(amounts.crops)):
        view = V.resized_crop(images[number], *box, [PHOTO_SIDE, PHOTO_SIDE])
        view = (V.horizontal_flip(view) if amounts.crops.flip[number] else view) / 255
        view = V.perspective(view, start, amounts.corners[number].tolist(), fill=None)
        view = V.adjust_brightness(view, float(amounts.brightness[number]))
        view = V.adjust_contrast(view, float(amounts.contrast[number]))
        view = V.adjust_saturation(view, float(amounts.saturation[number]))
        view = V.adjust_hue(view, float(amounts.hue[number]))
        sigma = float(amounts.sigma[number])
        kernel = 2 * photo.BLUR_REACH + 1
        views.append(V.gaussian_blur(view, [kernel, kernel], [sigma, sigma]))
    return torch.stack(views)


def photos_against_torchvision() -> Contest:
    images = planes_of(photographs(PHOTOS, 256))
    amounts = Amounts(PHOTOS, 256)
    ours, peer = partial(our_photos, images, amounts), partial(torchvision_photos, images, amounts)
    return Contest(ours, peer, lambda: 255 * float((ours() - peer()).abs().max()), SLOPE)


CASES = [
    Case(
        name="view_pair",
        work=f"a weak and a strong view of {BATCH} images of {SIDE} x {SIDE}",
        peer="published recipe: Pillow, image after image",
        prepare=against_published,
        wanted=4.0,
        threads=1,
        packages=("pillow",),
    ),
    Case(
        name="photo_views_torchvision",
        work=f"crop, perspective, colours and blur of {PHOTOS} photos to {PHOTO_SIDE} x {PHOTO_SIDE}",
        peer="torchvision v2 on tensors, image after image",
        prepare=photos_against_torchvision,
        threads=1,
        rounds=9,
        packages=("torchvision",),
    ),
]

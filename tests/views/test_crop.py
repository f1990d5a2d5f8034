import math

import pytest
import torch
from PIL import Image
from pillow_pictures import from_pillow, pictures, to_pillow
from scipy.stats import chi2_contingency, ks_2samp
from torchvision.transforms import RandomResizedCrop

from maskcon.views.operations import crop
from maskcon.views.operations.crop import Crops, draw_crops, resized_crop


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def by_pillow(images, crops, size):
    """The same boxes, one image after the other."""
    views = []
    for i, image in enumerate(images):
        top, left, height, width = (int(side[i]) for side in (crops.top, crops.left, crops.height, crops.width))
        box = (left, top, left + width, top + height)
        view = to_pillow(image).crop(box).resize((size[1], size[0]), Image.Resampling.BILINEAR)
        views.append(from_pillow(view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if crops.flip[i] else view))
    return torch.stack(views)


def equal_pixels(images, size, seed=0):
    crops = draw_crops(len(images), *images.shape[2:], generator(seed))
    return torch.equal(resized_crop(images, crops, size), by_pillow(images, crops, size))


@pytest.mark.parametrize("part", [1, 100, 301])  # less than, and more than, what is worked on at once
def test_small_images_are_pillows_to_the_last_pixel(part):
    assert equal_pixels(pictures(part, 32, 32), (32, 32))


@pytest.mark.parametrize(
    ("image_size", "size"),
    [
        ((32, 32), (64, 64)),  # enlarged, power of two
        ((32, 32), (48, 40)),  # enlarged, other sizes
        ((28, 28), (28, 28)),
        ((40, 56), (16, 16)),  # shrunk
        ((64, 64), (32, 32)),  # shrunk to a power of two
        ((64, 48), (20, 30)),  # either, and Pillow resizes some rows first
        ((33, 20), (7, 19)),
        ((50, 50), (1, 1)),
    ],
)
def test_other_sizes_are_pillows_to_the_last_pixel(image_size, size):
    assert equal_pixels(pictures(90, *image_size), size)


@pytest.mark.parametrize(
    ("image_size", "size"),
    [((96, 80), (70, 64)), ((80, 130), (81, 97)), ((100, 96), (128, 128)), ((96, 150), (60, 150))],
)
def test_large_images_are_pillows_to_the_last_pixel(image_size, size):
    """On a CPU by the few pixels that count, whose weights are those of the matrices."""
    assert crop.NARROW * max(crop._taps(*pair) for pair in zip(image_size, size, strict=True)) <= min(image_size)
    assert equal_pixels(pictures(60, *image_size), size)
    assert equal_pixels(pictures(1, *image_size), size, seed=3)


def test_some_boxes_are_resized_rows_first():
    # 24 rows lost against 1 column: if the order were not Pillow's, a tenth of the pixels would differ
    images, sides = pictures(30, 32, 32), torch.tensor([0, 0, 32, 32]).expand(30, 4).unbind(1)
    whole = Crops(*sides, flip=torch.arange(30) % 2 > 0)
    assert torch.equal(resized_crop(images, whole, (8, 31)), by_pillow(images, whole, (8, 31)))


def test_grey_images_and_autocast():
    image = pictures(5, 32, 32)[:, :1]
    crops = draw_crops(5, 32, 32, generator())
    expected = resized_crop(image.expand(-1, 3, -1, -1), crops, (32, 32))[:, :1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(resized_crop(image, crops, (32, 32)), expected)


# The law of the draws


def ours_and_torchvisions(number, *arguments):
    """[number, 4] each: top, left, height, width."""
    height, width, scale, ratio = arguments if len(arguments) == 4 else (*arguments, (0.2, 1.0), (3 / 4, 4 / 3))
    ours = draw_crops(number, height, width, generator(2), scale, ratio)
    torch.manual_seed(1)
    theirs = [RandomResizedCrop.get_params(torch.empty(3, height, width), scale, ratio) for _ in range(number)]
    return torch.stack([ours.top, ours.left, ours.height, ours.width], dim=1), torch.tensor(theirs)


def chance_of_same_counts(ours, theirs):
    """p of the chi-squared test that two samples of integers have one law; rare values are put together."""
    values = torch.cat([ours, theirs]).unique()
    counts = torch.stack([(sample[:, None] == values).sum(0) for sample in (ours, theirs)])
    rare = counts.sum(0) < 20
    table = torch.cat([counts[:, ~rare], counts[:, rare].sum(1, keepdim=True)], dim=1)
    return chi2_contingency(table[:, table.sum(0) > 0].numpy()).pvalue


@pytest.mark.parametrize("size", [(32, 32), (32, 48)])
def test_boxes_have_torchvisions_law(size):
    ours, theirs = ours_and_torchvisions(20_000, *size)
    for column in range(4):
        assert chance_of_same_counts(ours[:, column], theirs[:, column]) > 0.001
    joint = [sample[:, 2] * 1000 + sample[:, 3] for sample in (ours, theirs)]
    assert chance_of_same_counts(*joint) > 0.001
    for quantity in (lambda box: box[:, 2] * box[:, 3], lambda box: box[:, 3].double() / box[:, 2].double()):
        assert ks_2samp(quantity(ours), quantity(theirs)).pvalue > 0.001


@pytest.mark.parametrize(("size", "ratio"), [((8, 64), (0.75, 1.25)), ((64, 8), (0.75, 1.25)), ((30, 30), (2.0, 3.0))])
def test_where_no_box_fits_it_is_torchvisions_centred_one(size, ratio):
    scale = (0.9, 1.0)  # of so long an image, or in so long a box: never fits
    ours, theirs = ours_and_torchvisions(20, *size, scale, ratio)
    assert ours.unique(dim=0).tolist() == theirs.unique(dim=0).tolist()


def test_half_are_mirrored_whatever_the_box():
    crops = draw_crops(20_000, 32, 32, generator())
    assert abs(crops.flip.double().mean() - 0.5) < 4 * math.sqrt(0.25 / 20_000)
    large = crops.height > crops.height.median()
    assert chance_of_same_counts(crops.flip[large].int(), crops.flip[~large].int()) > 0.001

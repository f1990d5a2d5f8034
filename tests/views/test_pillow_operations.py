"""Every operation beside Pillow's own, image after image, as the MaskCon experiments call it."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from pillow_pictures import from_pillow, pictures, to_pillow

from maskcon.views.operations import pillow_operations as operations

GREY = (128, 128, 128)
AFFINE, BICUBIC = Image.Transform.AFFINE, Image.Resampling.BICUBIC


def rotated_over_grey(image, degrees):
    turned = image.convert("RGBA").rotate(degrees)
    grey = Image.new("RGBA", turned.size, (*GREY, 255))
    return Image.composite(turned, grey, turned).convert("RGB")


def moved(image, x, y):
    return image.transform(image.size, AFFINE, (1, 0, x, 0, 1, y), fillcolor=GREY)


PILLOW = {
    "invert": lambda image, _: ImageOps.invert(image),
    "posterize": lambda image, bits: ImageOps.posterize(image, int(bits)),
    "solarize": lambda image, threshold: ImageOps.solarize(image, threshold),
    "autocontrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "color": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "sharpness": lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor),
    "translate_x": lambda image, share: moved(image, share * image.width, 0),
    "translate_y": lambda image, share: moved(image, 0, share * image.height),
    "rotate": rotated_over_grey,
    "shear_y": lambda image, slope: image.transform(
        image.size, AFFINE, (1, 0, 0, slope, 1, 0), BICUBIC, fillcolor=GREY
    ),
}
LEVELS = (0, 1, 4, 9)
SIGNED = [sign * level / 9 for level in LEVELS for sign in (-1, 1)]
HALF_PIXELS = [pixels / 32 for pixels in (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5)]
STRENGTHS = {
    "invert": [0],
    "posterize": [8, 7, 5, 4, 1],
    "solarize": [256, 199.1, 128, 28.4, 0],
    "autocontrast": [0],
    "equalize": [0],
    **{name: [1 + 0.9 * share for share in SIGNED] for name in ("brightness", "color", "contrast", "sharpness")},
    **{name: [150 / 331 * share for share in SIGNED] + HALF_PIXELS for name in ("translate_x", "translate_y")},
    "rotate": [0, 20 / 3, 15, 30, -30],
    "shear_y": [0.3 * share for share in SIGNED],
}


def differences(name, images, strengths):
    """int [B, 3, H, W]: ours less Pillow's, the strengths dealt out in turn within one batch."""
    dealt = [strengths[i % len(strengths)] for i in range(len(images))]
    ours = getattr(operations, name)(images, torch.tensor(dealt, dtype=torch.float64))
    assert ours.dtype == torch.uint8
    theirs = [from_pillow(PILLOW[name](to_pillow(image), value)) for image, value in zip(images, dealt, strict=True)]
    return ours.int() - torch.stack(theirs).int()


@pytest.mark.parametrize("name", PILLOW)
@pytest.mark.parametrize("size", [(32, 32), (28, 41)])
def test_operation_is_pillows(name, size):
    images = pictures(360, *size)
    before = images.clone()
    off = differences(name, images, STRENGTHS[name]).abs()
    assert off.max() <= 1
    assert (off == 0).double().mean() > 0.9999
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", PILLOW)
def test_flat_black_white_and_tiny_images(name):
    for height, width in ((32, 32), (3, 3), (2, 5), (1, 1)):
        for level in (0, 1, 128, 254, 255):
            flat = torch.full((8, 3, height, width), level, dtype=torch.uint8)
            assert differences(name, flat, STRENGTHS[name]).abs().max() <= 1


@pytest.mark.parametrize("name", ["autocontrast", "equalize"])
@pytest.mark.parametrize("pixels", [254, 255, 256, 509, 510, 511])
def test_histograms_about_the_number_of_levels(name, pixels):
    # equalize divides by (pixels - the brightest ones) // 255, which is 0, 1 or 2 here
    random = np.random.default_rng(pixels)
    images = torch.from_numpy(random.integers(0, 256, (60, 3, 1, pixels), dtype=np.uint8))
    images[20:40] = images[20:40] // 8 + 100
    images[40:] = torch.where(images[40:] < 250, 7, 200)
    assert differences(name, images, [0]).abs().max() == 0

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.testing import assert_close

from maskcon.runtime.randomness import torch_generator
from maskcon.views import characters
from maskcon.views.characters import STRONG, WEAK, Strength, affine_maps, distort, strong

STILL = Strength(shift=0.0, rotation=0.0, scale=0.0, shear=0.0, contrast=0.0, noise=0.0)
SIZES = [(16, 24), (17, 9), (12, 12)]


def random_images(number=8, channels=1, height=16, width=24):
    return torch.randint(256, (number, channels, height, width), generator=torch_generator(0)).byte()


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("strength", [WEAK, STRONG])
def test_geometry_equals_scipy(monkeypatch, strength, height, width):
    """Every image of a batch against scipy's affine transform about the centre, with the numbers that were drawn."""
    drawn = {}

    def recording(**values):
        drawn.update(values)
        return affine_maps(**values)

    monkeypatch.setattr(characters, "affine_maps", recording)
    images = random_images(6, 1, height, width)
    view = distort(images, replace(strength, contrast=0.0, noise=0.0), torch_generator(3))

    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    for i in range(6):
        angle, scale, shear = (drawn[name][i].item() for name in ("rotation", "scale", "shear"))
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])  # of (y, x)
        slant = np.array([[1.0, 0.0], [shear, 1.0]])  # x of the input grows with y of the output
        matrix = turn @ slant / scale
        shift = np.array([drawn["shift_y"][i].item(), drawn["shift_x"][i].item()])
        expected = ndimage.affine_transform(
            images[i, 0].numpy() / 255, matrix, centre - matrix @ (centre + shift), order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(view[i, 0].numpy(), expected, atol=1e-4)


def test_draws_stay_within_the_strength(monkeypatch):
    drawn = {}
    monkeypatch.setattr(characters, "affine_maps", lambda **values: drawn.update(values) or affine_maps(**values))
    strong(random_images(2000, 1, 8, 8), torch_generator(0))
    maps = affine_maps(**drawn).double()
    assert (torch.linalg.det(maps[:, :, :2]) > 0.5).all()  # never a flip,
    assert (maps[:, [0, 1], [0, 1]] > 0).all()  # nor a turn by a right angle or more
    ranges = {
        "shift_y": (-STRONG.shift, STRONG.shift),
        "shift_x": (-STRONG.shift, STRONG.shift),
        "rotation": (-STRONG.rotation, STRONG.rotation),
        "shear": (-STRONG.shear, STRONG.shear),
        "scale": (1 / (1 + STRONG.scale), 1 + STRONG.scale),
    }
    for name, (low, high) in ranges.items():
        values = drawn[name]
        assert low - 1e-6 <= values.min() < low + 0.05 * (high - low), name
        assert high - 0.05 * (high - low) < values.max() <= high + 1e-6, name


def test_contrast_is_one_factor_an_image():
    images = torch.full((500, 1, 8, 8), 100, dtype=torch.uint8)
    factors = distort(images, replace(STILL, contrast=0.6), torch_generator(0)) / (100 / 255)
    factors = factors[:, 0, 2:-2, 2:-2].flatten(1)
    assert_close(factors.amin(dim=1), factors.amax(dim=1))
    assert 1 / 1.6 - 1e-4 <= factors.min() < 0.65
    assert 1.55 < factors.max() <= 1.6 + 1e-4


def test_noise_has_a_deviation_of_its_own_for_each_image_and_differs_between_pixels():
    images = torch.full((200, 1, 16, 16), 128, dtype=torch.uint8)
    deviations = distort(images, replace(STILL, noise=0.08), torch_generator(0)).flatten(1).std(dim=1)
    assert deviations.max() < 0.08 * 1.15
    assert deviations.min() < 0.01
    assert 0.03 < deviations.mean() < 0.05

import math
from types import SimpleNamespace

import numpy as np
import pytest

from maskcon.images.reading.digit_scans import Placement, disjoint_parts, draw, evenly_mixed, load_scans, save_scans
from maskcon.parameters.errors import UserError


def placements(number, generator, height, width):
    return Placement(
        centre_y=generator.uniform(-2, height + 1, number),
        centre_x=generator.uniform(-2, width + 1, number),
        rotation=generator.uniform(-3, 3, number),
        scale=generator.uniform(0.5, 2.5, number),
        contrast=generator.uniform(0.3, 1, number),
    )


def draw_slowly(scan, centre_y, centre_x, rotation, scale, contrast, height, width):
    """Pixel by pixel: where it lies on the scan, which is 12 pixels wide at scale 1, and the scan pixels around."""

    def ink(row, column):
        return float(scan[row, column]) if 0 <= row < 8 and 0 <= column < 8 else 0.0

    canvas = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            down, right = (y - centre_y) * 8 / 12 / scale, (x - centre_x) * 8 / 12 / scale
            row = math.cos(rotation) * down - math.sin(rotation) * right + 3.5
            column = math.sin(rotation) * down + math.cos(rotation) * right + 3.5
            top, left = math.floor(row), math.floor(column)
            for corner_row in (top, top + 1):
                for corner_column in (left, left + 1):
                    weight = (1 - abs(row - corner_row)) * (1 - abs(column - corner_column))
                    canvas[y, x] += contrast * weight * ink(corner_row, corner_column)
    return canvas


@pytest.mark.parametrize(("height", "width"), [(16, 24), (13, 9)])
def test_draw_equals_the_loop(height, width):
    generator = np.random.default_rng(0)
    scans = generator.integers(0, 256, (6, 8, 8), dtype=np.uint8)
    placement = placements(6, generator, height, width)
    drawn = draw(scans, placement, height, width)
    for i in range(6):
        values = (getattr(placement, name)[i] for name in ("centre_y", "centre_x", "rotation", "scale", "contrast"))
        np.testing.assert_allclose(drawn[i], draw_slowly(scans[i], *values, height, width), atol=1e-6)


def test_parts_are_disjoint_complete_and_have_their_share_of_each_digit():
    digits = np.random.default_rng(0).integers(0, 10, 1000)
    shares = {"train": 0.6, "val": 0.15, "test": 0.25}
    parts = disjoint_parts(digits, shares, np.random.default_rng(1))
    assert list(parts) == list(shares)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(1000))
    for part, scans in parts.items():
        for digit in range(10):
            of_the_digit = (digits == digit).sum()
            assert abs((digits[scans] == digit).sum() - shares[part] * of_the_digit) <= 1


def test_any_stretch_of_the_mixed_order_shows_every_digit_in_proportion():
    generator = np.random.default_rng(0)
    digits = generator.permutation(np.repeat(np.arange(10), generator.integers(50, 70, 10)))
    order = evenly_mixed(digits, generator)
    assert sorted(order) == list(range(len(digits)))
    for start in range(0, len(digits), 37):
        for stop in range(start, len(digits), 41):
            counts = np.bincount(digits[order[start:stop]], minlength=10)
            assert (abs(counts - np.bincount(digits) * (stop - start) / len(digits)) < 2).all()
    assert not np.array_equal(order, evenly_mixed(digits, generator))


def test_scans_are_those_of_scikit_learn(scans_folder):
    from sklearn.datasets import load_digits

    scans = load_scans(scans_folder)
    bundled = load_digits()
    assert scans.images.shape == (1797, 8, 8)
    assert scans.images.dtype == np.uint8
    assert (np.abs(scans.images / 255 * 16 - bundled.images) < 0.05).all()
    assert (scans.digits == bundled.target).all()


def test_other_scans_are_refused(monkeypatch, tmp_path):
    other = SimpleNamespace(images=np.zeros((1797, 8, 8)), target=np.zeros(1797))
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: other)
    with pytest.raises(UserError, match=r"scikit-learn.*requirements\.txt"):
        save_scans(tmp_path)
    assert not list(tmp_path.iterdir())

"""The sets that are composed from scikit-learn's scans: two_digits and digits."""

import hashlib
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.reading.digit_scans import Placement, draw, load_scans, save_scans
from maskcon.images.sources import digits, two_digits
from maskcon.parameters.data import SplitSizes
from maskcon.parameters.errors import UserError
from tests.images.small_archives import REPOSITORY, preset

SOURCES = {"two_digits": two_digits, "digits": digits}
IMAGES = {  # set, part: images, SHA-256 of their bytes
    ("two_digits", "train"): (4000, "0181b1c5925844bbe15e372c42d3116014ca35a14539fed14ba0239d96e67a7e"),
    ("two_digits", "val"): (1000, "b0a47353d27f844e57267e29b7089bcfeefa5ac0ea646ee8f9cbda68fc9e8b10"),
    ("two_digits", "test"): (1500, "6c7f392b265133e3df1f914a6cd27dc551e1ef5f214764a72ff6c6d994f50dd1"),
    ("digits", "train"): (1000, "c9e4fde7475df1b1ab7215dac410d0a5f593affed64f5d201945185b04a29c53"),
    ("digits", "val"): (300, "2e3191b030038064b3b757c0641d00fdbfc7dfebf8d02c59a47594e52d59c662"),
    ("digits", "test"): (497, "760fc37a533485a40981be647f8fbc7cb62967259297f9b62b67332874055fa8"),
}
COARSE = {"two_digits": lambda fine: fine // 10, "digits": lambda fine: fine % 2}
COARSE_NAME = {"two_digits": "tens {}".format, "digits": ("even", "odd").__getitem__}


@pytest.fixture(scope="module")
def composed(scans_folder):
    """Set -> part -> Split."""
    return {
        name: dict(source.splits(scans_folder, preset(name, scans_folder), None)) for name, source in SOURCES.items()
    }


def scans_of(part):
    """Indices of the scans of each image, [N, 1 or 2]."""
    return np.array([re.findall(r"\d+", source) for source in part.labels["source"]]).astype(int)


@pytest.mark.parametrize(("name", "split"), IMAGES)
def test_counts_numbers_and_bytes(composed, scans_folder, name, split):
    part, (number, digest) = composed[name][split], IMAGES[name, split]
    [images] = part.images
    height, width = (16, 24) if name == "two_digits" else (16, 16)
    assert images.shape == (number, height, width, 3)
    assert (images == images[..., :1]).all()
    assert (part.labels[["width", "height"]] == [width, height]).all(axis=None)
    if name == "two_digits":
        assert (np.bincount(part.labels["fine"], minlength=100) == number // 100).all()
    shown = load_scans(scans_folder).digits[scans_of(part)]
    assert (shown @ [10, 1][-shown.shape[1] :] == part.labels["fine"]).all()
    assert hashlib.sha256(images.tobytes()).hexdigest() == digest


@pytest.mark.parametrize("name", SOURCES)
def test_no_scan_is_in_two_parts(composed, name):
    train, val, test = (set(scans_of(part).ravel()) for part in composed[name].values())
    assert not train & val | train & test | val & test
    assert min(map(len, (train, val, test))) > 200


def test_seed_of_the_data_alone_decides(composed, scans_folder):
    data = preset("two_digits", scans_folder)
    other = dict(two_digits.splits(scans_folder, data.model_copy(update={"seed": 1}), None))
    again = dict(two_digits.splits(scans_folder, data, None))
    before = composed["two_digits"]["val"]
    assert (again["val"].images[0] == before.images[0]).all()
    assert again["val"].labels.equals(before.labels)
    assert (other["val"].images[0] != before.images[0]).any()


def test_more_images_than_scans_are_refused(scans_folder):
    data = preset("digits", scans_folder).model_copy(update={"images": SplitSizes(train=1000, val=300, test=498)})
    with pytest.raises(UserError, match=r"data\.images.*1797"):
        list(digits.splits(scans_folder, data, None))


@pytest.mark.parametrize("name", SOURCES)
def test_coarse_labels_are_the_tens_digit_or_odd_and_even(name):
    for row in read_coarse_table(REPOSITORY / "coarse_labels" / f"{name}.csv").itertuples():
        assert row.coarse == COARSE[name](row.fine)
        assert row.coarse_name == COARSE_NAME[name](row.coarse)
        assert row.fine_name == (f"{row.fine:02}" if name == "two_digits" else str(row.fine))


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
    low, high = [-2, -2, -3, 0.5, 0.3], [height + 1, width + 1, 3, 2.5, 1]  # in the order of Placement
    values = generator.uniform(low, high, (6, 5))
    drawn = draw(scans, Placement(*values.T), height, width)
    for i in range(6):
        np.testing.assert_allclose(drawn[i], draw_slowly(scans[i], *values[i], height, width), atol=1e-6)


def test_other_scans_are_refused(monkeypatch, tmp_path):
    other = SimpleNamespace(images=np.zeros((1797, 8, 8)), target=np.zeros(1797))
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: other)
    with pytest.raises(UserError, match=r"scikit-learn.*requirements\.txt"):
        save_scans(tmp_path)
    assert not list(tmp_path.iterdir())

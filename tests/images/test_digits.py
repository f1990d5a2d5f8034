"""The sets that are composed from scikit-learn's scans: two_digits and digits."""

import hashlib
import re

import numpy as np
import pytest

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.reading.digit_scans import load_scans
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

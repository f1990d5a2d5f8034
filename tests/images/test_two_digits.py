import hashlib
import re

import numpy as np
import pytest

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.reading.digit_scans import load_scans
from maskcon.images.sources.two_digits import splits
from maskcon.parameters.model import load_parameters

IMAGES = {"train": 4000, "val": 1000, "test": 1500}
SHA256 = {  # of the images
    "train": "0181b1c5925844bbe15e372c42d3116014ca35a14539fed14ba0239d96e67a7e",
    "val": "b0a47353d27f844e57267e29b7089bcfeefa5ac0ea646ee8f9cbda68fc9e8b10",
    "test": "6c7f392b265133e3df1f914a6cd27dc551e1ef5f214764a72ff6c6d994f50dd1",
}


@pytest.fixture(scope="module")
def data(repository):
    return load_parameters(repository / "params.yaml").data


@pytest.fixture(scope="module")
def composed(scans_folder, data):
    return dict(splits(scans_folder, data, scans_folder / "scratch"))


def scans_of(part):
    """Indices of the left and right scans of each image, [N, 2]."""
    return np.array(
        [re.fullmatch(r"scans (\d+) and (\d+)", source).groups() for source in part.labels["source"]]
    ).astype(int)


@pytest.mark.parametrize("split", IMAGES)
def test_counts_numbers_and_bytes(composed, scans_folder, split):
    part, number = composed[split], IMAGES[split]
    [images] = part.images
    assert images.shape == (number, 16, 24, 3)
    assert (images == images[..., :1]).all()
    assert (part.labels[["width", "height"]] == [24, 16]).all(axis=None)
    assert (np.bincount(part.labels["fine"], minlength=100) == number // 100).all()
    digits = load_scans(scans_folder).digits[scans_of(part)]
    assert (digits[:, 0] * 10 + digits[:, 1] == part.labels["fine"]).all()
    assert hashlib.sha256(images.tobytes()).hexdigest() == SHA256[split]


def test_no_scan_is_in_two_parts(composed):
    train, val, test = (set(scans_of(composed[split]).ravel()) for split in IMAGES)
    assert not train & val
    assert not train & test
    assert not val & test
    assert min(map(len, (train, val, test))) > 200


def test_seed_of_the_data_alone_decides(composed, scans_folder, data):
    other = dict(splits(scans_folder, data.model_copy(update={"seed": 1}), scans_folder / "scratch"))
    again = dict(splits(scans_folder, data, scans_folder / "scratch"))
    assert (again["val"].images[0] == composed["val"].images[0]).all()
    assert again["val"].labels.equals(composed["val"].labels)
    assert (other["val"].images[0] != composed["val"].images[0]).any()


def test_coarse_label_is_the_tens_digit(repository):
    table = read_coarse_table(repository / "coarse_labels" / "two_digits.csv")
    assert len(table) == 100
    for row in table.itertuples():
        assert (row.fine_name, row.coarse, row.coarse_name) == (
            f"{row.fine:02}",
            row.fine // 10,
            f"tens {row.fine // 10}",
        )

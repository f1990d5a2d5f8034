import hashlib
import re

import pytest
from ruamel.yaml import YAML

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.reading.digit_scans import load_scans
from maskcon.images.sources.digits import splits
from maskcon.parameters.data import ComposedSet, SplitSizes
from maskcon.parameters.errors import UserError

IMAGES = {"train": 1000, "val": 300, "test": 497}
SHA256 = {  # of the images
    "train": "c9e4fde7475df1b1ab7215dac410d0a5f593affed64f5d201945185b04a29c53",
    "val": "2e3191b030038064b3b757c0641d00fdbfc7dfebf8d02c59a47594e52d59c662",
    "test": "760fc37a533485a40981be647f8fbc7cb62967259297f9b62b67332874055fa8",
}


@pytest.fixture(scope="module")
def data(repository):
    text = (repository / "conf" / "data" / "digits.yaml").read_text()
    return ComposedSet.model_validate(YAML(typ="safe").load(text))


@pytest.fixture(scope="module")
def drawn(scans_folder, data):
    return dict(splits(scans_folder, data, scans_folder / "scratch"))


def scans_of(part):
    return [int(re.fullmatch(r"scan (\d+)", source).group(1)) for source in part.labels["source"]]


@pytest.mark.parametrize("split", IMAGES)
def test_counts_and_bytes(drawn, split):
    part, number = drawn[split], IMAGES[split]
    [images] = part.images
    assert images.shape == (number, 16, 16, 3)
    assert len(part.labels) == number
    assert (part.labels[["width", "height"]] == [16, 16]).all(axis=None)
    assert hashlib.sha256(images.tobytes()).hexdigest() == SHA256[split]


@pytest.mark.parametrize("split", IMAGES)
def test_scan_shows_the_digit_and_is_in_one_part(drawn, scans_folder, split):
    assert (load_scans(scans_folder).digits[scans_of(drawn[split])] == drawn[split].labels["fine"]).all()
    others = [scan for other in IMAGES if other != split for scan in scans_of(drawn[other])]
    assert not set(scans_of(drawn[split])) & set(others)


def test_more_images_than_scans_are_refused(scans_folder, data):
    wanted = data.model_copy(update={"images": SplitSizes(train=1000, val=300, test=498)})
    with pytest.raises(UserError, match=r"data\.images.*1797"):
        list(splits(scans_folder, wanted, scans_folder / "scratch"))


def test_coarse_label_is_odd_or_even(repository):
    table = read_coarse_table(repository / "coarse_labels" / "digits.csv")
    assert len(table) == 10
    for row in table.itertuples():
        assert (row.fine_name, row.coarse, row.coarse_name) == (
            str(row.fine),
            row.fine % 2,
            ("even", "odd")[row.fine % 2],
        )

"""CIFARtoy: CIFAR-10 without deer and frog, 40,000 + 8,000 photos in 8 fine classes and 2 coarse ones.

What cifartoy_good and cifartoy_bad share. They differ in their tables of coarse labels alone: the good split groups
what looks alike, the bad one does not. Source: Feng and Patras, MaskCon (CVPR 2023), section 4; CIFAR-10 from
https://www.cs.toronto.edu/~kriz/cifar.html, which gives the checksum.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from maskcon.images.fetching.downloading import RemoteFile, fetch
from maskcon.images.fetching.unpacking import unpack
from maskcon.images.reading.planar_batches import listed, train_val_test
from maskcon.images.reading.source import Split
from maskcon.parameters.data import PublishedSet

ARCHIVE = RemoteFile(
    "cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "c58f30108f718f92721af3b95e74349a",
)
FINE = {
    0: 0,
    1: 1,
    8: 2,
    9: 3,
    2: 4,
    3: 5,
    5: 6,
    7: 7,
}  # class of CIFAR-10 -> fine class; deer 4 and frog 6 are left out


def download(root: Path, raw: Path) -> None:
    unpack(fetch(ARCHIVE, root), raw)


def splits(raw: Path, data: PublishedSet, scratch: Path) -> Iterator[tuple[str, Split]]:
    folder = raw / "cifar-10-batches-py"
    train = listed([folder / f"data_batch_{number}" for number in range(1, 6)], "labels")
    test = listed([folder / "test_batch"], "labels")
    yield from train_val_test(_kept(train), _kept(test), data)


def _kept(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the 8 classes, with their fine class."""
    rows = rows[rows["label"].isin(FINE)]
    return rows.assign(fine=rows["label"].map(FINE)).reset_index(drop=True)

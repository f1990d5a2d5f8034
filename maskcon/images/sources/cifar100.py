"""CIFAR-100: 50,000 + 10,000 photos of 32 x 32 pixels in 100 classes, which its authors group into 20 superclasses.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009),
https://www.cs.toronto.edu/~kriz/cifar.html, which gives the checksum.
"""

from collections.abc import Iterator
from pathlib import Path

from maskcon.images.fetching.downloading import RemoteFile, fetch
from maskcon.images.fetching.unpacking import unpack
from maskcon.images.reading.planar_batches import listed, train_val_test
from maskcon.images.reading.source import Split
from maskcon.parameters.data import PublishedSet

Values = PublishedSet
ARCHIVE = RemoteFile(
    "cifar-100-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    "eb9058c3a382ffc7106e4002c42a8d85",
)


def download(root: Path, raw: Path) -> None:
    unpack(fetch(ARCHIVE, root), raw)


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Fine classes are numbered as in the archive, in the order of the alphabet."""
    folder = raw / "cifar-100-python"
    train = listed([folder / "train"], "fine_labels").rename(columns={"label": "fine"})
    test = listed([folder / "test"], "fine_labels").rename(columns={"label": "fine"})
    yield from train_val_test(train, test, data)

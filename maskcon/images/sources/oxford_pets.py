"""Oxford-IIIT Pet: 3,680 + 3,669 photos of 37 breeds of cats and dogs, which are the two coarse classes.

Source: Parkhi, Vedaldi, Zisserman and Jawahar, Cats and Dogs (CVPR 2012), https://www.robots.ox.ac.uk/~vgg/data/pets/.
The checksums are those in torchvision's reader. The lists of the archive carry the coarse labels.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from maskcon.images.fetching.downloading import RemoteFile, fetch
from maskcon.images.fetching.unpacking import unpack
from maskcon.images.reading.published_photos import readable, train_val_test
from maskcon.images.reading.source import Split
from maskcon.parameters.data import PhotoSet

Values = PhotoSet
PHOTOS = RemoteFile(
    "images.tar.gz",
    "https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
    "5c4f3ee8e5d25df40f4fd59a7f44e54c",
)
ANNOTATIONS = RemoteFile(
    "annotations.tar.gz",
    "https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
    "95a8c909bbe2e81eed6a22bccdf3f68f",
)
SPECIES = {1: "cat", 2: "dog"}
COLUMNS = ["photo", "breed", "species", "breed_of_species"]


def download(root: Path, raw: Path) -> None:
    unpack(fetch(PHOTOS, root), raw / "photos")
    unpack(fetch(ANNOTATIONS, root), raw / "lists")


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Fine classes are numbered as in the archive, from 0."""
    lists = raw / "lists" / "annotations"
    yield from train_val_test(raw, _rows(lists / "trainval.txt"), _rows(lists / "test.txt"), data, scratch)


def _rows(path: Path) -> pd.DataFrame:
    with readable(path, ANNOTATIONS):
        listed = pd.read_csv(path, sep=r"\s+", header=None, names=COLUMNS, comment="#")
        listed = listed.astype({"breed": "int64", "species": "int64"})
    return pd.DataFrame(
        {
            "path": "photos/images/" + listed["photo"] + ".jpg",
            "fine": listed["breed"] - 1,
            "fine_name": listed["photo"].str.rsplit("_", n=1).str[0].str.replace("_", " "),
            "coarse": listed["species"] - 1,
            "coarse_name": listed["species"].map(SPECIES),
        }
    )

"""FGVC-Aircraft: 6,667 + 3,333 photos of 100 variants of aircraft, of 70 families and 30 manufacturers.

Source: Maji, Kannala, Rahtu, Blaschko and Vedaldi, Fine-Grained Visual Classification of Aircraft (2013),
https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/. The checksum is the one that several readers of the set carry,
such as that of torch for R. The archive's own lists are the coarse labels; data.coarse_by picks manufacturer or family.
Its train and val parts are one training set here, as papers use them. Every photo ends in a strip of 20 pixels that
names its photographer; it is packed with the photo.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pandas as pd

from maskcon.images.fetching.downloading import RemoteFile, fetch
from maskcon.images.fetching.unpacking import unpack
from maskcon.images.reading.published_photos import readable, train_val_test
from maskcon.images.reading.source import Split
from maskcon.parameters.data import PhotoSet
from maskcon.parameters.errors import UserError

ARCHIVE = RemoteFile(
    "fgvc-aircraft-2013b.tar.gz",
    "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz",
    "d4acdd33327262359767eeaa97a4f732",
)
FOLDER = "fgvc-aircraft-2013b/data"
CLASSES = {"variant": "variants.txt", "family": "families.txt", "manufacturer": "manufacturers.txt"}


class Values(PhotoSet):
    coarse_by: Literal["manufacturer", "family"]
    """Which level of the set's own hierarchy is the coarse label."""


def download(root: Path, raw: Path) -> None:
    unpack(fetch(ARCHIVE, root), raw)


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Fine and coarse classes are numbered in the order of the archive's lists."""
    train, test = (_rows(raw / FOLDER, part, data.coarse_by) for part in ("trainval", "test"))
    yield from train_val_test(raw, train, test, data, scratch)


def _rows(folder: Path, part: str, coarse_by: str) -> pd.DataFrame:
    fine_names = _labels(folder, "variant", part)
    coarse_names = _labels(folder, coarse_by, part).reindex(fine_names.index)  # each list is in an order of its own
    fine_number, coarse_number = _numbers(folder, "variant"), _numbers(folder, coarse_by)
    rows = pd.DataFrame(
        {
            "path": f"{FOLDER}/images/" + fine_names.index + ".jpg",
            "fine": fine_names.map(fine_number).to_numpy(),
            "fine_name": fine_names.to_numpy(),
            "coarse": coarse_names.map(coarse_number).to_numpy(),
            "coarse_name": coarse_names.to_numpy(),
        }
    )
    if rows.isna().any(axis=None):
        raise UserError(f"{folder}: a photo has no variant or {coarse_by} of its lists; fetch {ARCHIVE.name} again")
    return rows.astype({"fine": "int64", "coarse": "int64"})


def _labels(folder: Path, level: str, part: str) -> pd.Series:
    """Name of the class of each photo, by the photo's number, from lines such as 1025794 707-320."""
    lines = _lines(folder / f"images_{level}_{part}.txt")
    photo, name = zip(*(line.partition(" ")[::2] for line in lines), strict=True)
    return pd.Series(name, index=pd.Index(photo, dtype=str), dtype=str)


def _numbers(folder: Path, level: str) -> dict[str, int]:
    return {name: number for number, name in enumerate(_lines(folder / CLASSES[level]))}


def _lines(path: Path) -> list[str]:
    with readable(path, ARCHIVE):
        lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
        if not lines:
            raise ValueError("it has no lines")
        return lines

"""iNaturalist 2021 mini: 500,000 + 100,000 photos of 10,000 species, grouped by any higher rank.

Source: Van Horn, Cole, Beery, Wilber, Belongie and Mac Aodha, Benchmarking Representation Learning for Natural World
Image Collections (CVPR 2021), https://github.com/visipedia/inat_comp/tree/master/2021, which gives the checksums. Its
val part is the test set here. The ranks of a species stand in the annotations of val, which name all species; those of
train say nothing more about a photo than its folder does, and take gigabytes to read. data.coarse_by picks the rank.
"""

import json
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

ADDRESS = "https://ml-inat-competition-datasets.s3.amazonaws.com/2021"
TRAIN = RemoteFile("train_mini.tar.gz", f"{ADDRESS}/train_mini.tar.gz", "db6ed8330e634445efc8fec83ae81442")
TEST = RemoteFile("val.tar.gz", f"{ADDRESS}/val.tar.gz", "f6f6e0e242e3d4c9569ba56400938afc")
SPECIES = RemoteFile("val.json.tar.gz", f"{ADDRESS}/val.json.tar.gz", "4d761e0f6a86cc63e8f7afc91f6a8f0b")


class Values(PhotoSet):
    coarse_by: Literal["supercategory", "kingdom", "phylum", "class", "order", "family", "genus"]
    """Which rank of the set's own hierarchy is the coarse label."""


def download(root: Path, raw: Path) -> None:
    for file, folder in ((SPECIES, "species"), (TEST, "test"), (TRAIN, "train")):
        unpack(fetch(file, root), raw / folder)


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Species are numbered as in the archive, higher ranks in the order of their names."""
    species = _species(raw / "species" / "val.json", data.coarse_by)
    train = _rows(raw, raw / "train" / "train_mini", species)
    test = _rows(raw, raw / "test" / "val", species)
    yield from train_val_test(raw, train, test, data, scratch)


def _species(path: Path, rank: str) -> pd.DataFrame:
    """By folder of photos: fine, fine_name, coarse, coarse_name."""
    with readable(path, SPECIES):
        found = pd.DataFrame(json.loads(path.read_text())["categories"])
        found = found.set_index("image_dir_name")[["id", "name", rank]]
    found.columns = ["fine", "fine_name", "coarse_name"]
    return found.assign(coarse=found["coarse_name"].astype("category").cat.codes.astype("int64"))


def _rows(raw: Path, folder: Path, species: pd.DataFrame) -> pd.DataFrame:
    photos = [
        (name, str(photo.relative_to(raw))) for name in species.index for photo in sorted((folder / name).glob("*.jpg"))
    ]
    if len({name for name, _ in photos}) != len(species):
        missing = next(name for name in species.index if not any((folder / name).glob("*.jpg")))
        raise UserError(f"{folder} has no photos in {missing}; unpack its archive anew: dvc repro -f download")
    rows = species.loc[[name for name, _ in photos]].reset_index(drop=True)
    return rows.assign(path=[path for _, path in photos])

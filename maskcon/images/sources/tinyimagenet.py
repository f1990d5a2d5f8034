"""Tiny ImageNet: 100,000 + 10,000 photos of 64 x 64 pixels in 200 classes of ImageNet.

Source: the course CS231n of Stanford University. Its val part is the test set here, since nobody has the labels of its
test part. The checksum and size are the ones that many readers of the set carry, such as avalanche's. The set has no
coarse labels: coarse_labels/tinyimagenet.csv is a grouping of our own.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from maskcon.images.fetching.downloading import RemoteFile, fetch
from maskcon.images.fetching.unpacking import unpack
from maskcon.images.reading.published_photos import readable, train_val_test
from maskcon.images.reading.source import Split
from maskcon.parameters.data import PublishedSet
from maskcon.parameters.errors import UserError

Values = PublishedSet
ARCHIVE = RemoteFile(
    "tiny-imagenet-200.zip",
    "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    "90528d7ca1a48142e341f4ef8d21d0de",
)
FOLDER = "tiny-imagenet-200"


def download(root: Path, raw: Path) -> None:
    unpack(fetch(ARCHIVE, root), raw)


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Fine classes are numbered in the order of their WordNet identifiers, such as n01443537."""
    folder = raw / FOLDER
    tested = folder / "val" / "val_annotations.txt"
    with readable(folder, ARCHIVE):
        wnids = sorted((folder / "wnids.txt").read_text().split())
        annotations = pd.read_csv(tested, sep="\t", header=None, usecols=[0, 1], dtype=str)
    number = {wnid: fine for fine, wnid in enumerate(wnids)}
    photos = [(wnid, photo) for wnid in wnids for photo in sorted((folder / "train" / wnid / "images").glob("*.JPEG"))]
    train = pd.DataFrame(
        {
            "path": [str(photo.relative_to(raw)) for _, photo in photos],
            "fine": [number[wnid] for wnid, _ in photos],
        }
    )
    test = pd.DataFrame({"path": f"{FOLDER}/val/images/" + annotations[0], "fine": annotations[1].map(number)})
    if test["fine"].isna().any() or train["fine"].nunique() != len(wnids):
        raise UserError(f"{folder}: the photos are not those of the classes in wnids.txt; fetch {ARCHIVE.name} again")
    yield from train_val_test(raw, train, test.astype({"fine": "int64"}), data, scratch)

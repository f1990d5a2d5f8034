"""Downsampled ImageNet: the 1,281,167 + 50,000 photos of ILSVRC 2012 at 32 x 32 pixels, in 1000 classes.

Source: Chrabaszcz, Loshchilov and Hutter, A Downsampled Variant of ImageNet as an Alternative to the CIFAR datasets
(2017). ImageNet asks for an account, so that the two archives are fetched by hand. We know of no published checksums: a
file is taken for what it is by its number of images and its labels.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from maskcon.images.fetching.downloading import by_hand, lying_in
from maskcon.images.fetching.unpacking import unpack
from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.reading.planar_batches import listed, train_val_test
from maskcon.images.reading.source import Split
from maskcon.parameters.data import PublishedSet
from maskcon.parameters.errors import UserError

Values = PublishedSet
ARCHIVES = {"train": "Imagenet32_train.zip", "val": "Imagenet32_val.zip"}
BATCHES = {"train": [f"train_data_batch_{number}" for number in range(1, 11)], "val": ["val_data"]}
IMAGES = {"train": 1_281_167, "val": 50_000}


def download(root: Path, raw: Path) -> None:
    """Take the two archives from ``root`` or folders in it."""
    for part, name in ARCHIVES.items():
        archive = lying_in(root, name)
        if archive is None:
            source = "https://image-net.org/download-images (downsampled image data, 32x32: train and validation)"
            reason = "ImageNet gives it to people with an account"
            raise by_hand(name, reason, source, root, list(ARCHIVES.values()))
        unpack(archive, raw / part)


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Fine classes are numbered in the usual order of ImageNet's 1000; the archive's val is the test set."""
    table = read_coarse_table(Path(data.coarse_map), further=("archive_label",))
    fine_of = {int(label): fine for fine, label in zip(table["fine"], table["archive_label"], strict=True)}
    yield from train_val_test(_listed(raw, "train", fine_of), _listed(raw, "val", fine_of), data)


def _listed(raw: Path, part: str, fine_of: dict[int, int]) -> pd.DataFrame:
    paths = [lying_in(raw / part, batch) for batch in BATCHES[part]]
    if None in paths:
        missing = BATCHES[part][paths.index(None)]
        raise UserError(f"{raw / part} has no {missing}; put the whole {ARCHIVES[part]} into data.root")
    rows = listed(paths, "labels")
    fine = rows["label"].map(fine_of)
    if len(rows) != IMAGES[part] or fine.isna().any():
        raise UserError(
            f"{raw / part} has {len(rows):,} images with labels from {rows['label'].min()} to {rows['label'].max()}, "
            f"expected {IMAGES[part]:,} from 1 to {len(fine_of)}; fetch {ARCHIVES[part]} again"
        )
    return rows.assign(fine=fine)

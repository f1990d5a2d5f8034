"""Stanford Cars: 8,144 + 8,041 photos in 196 classes (make, model, year), grouped here into 8 body types.

Source: Krause, Stark, Deng and Fei-Fei, 3D Object Representations for Fine-Grained Categorization (3dRR 2013). Its
address, https://ai.stanford.edu/~jkrause/cars/car_dataset.html, is gone, so that the files are fetched by hand from a
mirror, as archives or unpacked. Names and checksums are those in the data set of torchvision 0.14.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat

from maskcon.images.fetching.downloading import RemoteFile, by_hand, lying_in, present
from maskcon.images.fetching.unpacking import unpack
from maskcon.images.reading.published_photos import train_val_test
from maskcon.images.reading.source import Split
from maskcon.parameters.data import PhotoSet
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_atomically

Values = PhotoSet
PHOTOS = {"train": 8144, "test": 8041}
CLASSES = 196
TEST_LABELS = "cars_test_annos_withlabels.mat"
PIECES = {  # folder or file -> how it was published
    "cars_train": RemoteFile("cars_train.tgz", "", "065e5b463ae28d29e77c1b4b166cfe61"),
    "cars_test": RemoteFile("cars_test.tgz", "", "4ce7ebf6a94d07f1952d94dd34c4d501"),
    "devkit": RemoteFile("car_devkit.tgz", "", "c3b158d763b6e2245038c8ad08e45376"),
    TEST_LABELS: RemoteFile(TEST_LABELS, "", "b0a2b23655a3edd16d84508592a98d10"),
}


def download(root: Path, raw: Path) -> None:
    """Take each piece from ``root`` or folders in it, as an archive or unpacked."""
    found = {name: _found(name, file, root) for name, file in PIECES.items()}
    if None in found.values():
        raise by_hand(
            "Stanford Cars",
            "its published address, https://ai.stanford.edu/~jkrause/cars/car_dataset.html, is gone",
            "a mirror, such as those that people keep on Kaggle and the Internet Archive",
            root,
            [*PIECES.values(), "or unpacked: folders cars_train, cars_test and devkit in place of the .tgz"],
        )
    labels = found.pop(TEST_LABELS).read_bytes()
    write_atomically(raw / TEST_LABELS, lambda file: file.write(labels))
    for name, path in found.items():
        unpack(path, raw / name)


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Fine classes are numbered as in the development kit, from 0."""
    train_labels = lying_in(raw / "devkit", "cars_train_annos.mat") or raw / "devkit" / "cars_train_annos.mat"
    train, test = _rows(raw, "train", train_labels), _rows(raw, "test", raw / TEST_LABELS)
    yield from train_val_test(raw, train, test, data, scratch)


def _found(name: str, file: RemoteFile, root: Path) -> Path | None:
    published = lying_in(root, file.name)
    return present(file, published.parent) if published else lying_in(root, name)


def _rows(raw: Path, split: str, labels: Path) -> pd.DataFrame:
    """The photos that ``labels`` names, which lie somewhere in the split's folder."""
    folder = raw / f"cars_{split}"
    place = {path.name: str(path.relative_to(raw)) for path in folder.rglob("*.jpg")}
    try:
        records = np.atleast_1d(loadmat(labels, squeeze_me=True)["annotations"])
        rows = pd.DataFrame({"path": [place.get(name) for name in records["fname"]], "fine": list(records["class"])})
    except Exception as error:  # scipy has no one error for a damaged file
        raise UserError(
            f"{labels} cannot be read ({error}); expected annotations with fname and class: fetch it again"
        ) from None
    fine = rows["fine"].astype(np.int64) - 1
    if len(rows) != PHOTOS[split] or rows["path"].isna().any() or not fine.between(0, CLASSES - 1).all():
        raise UserError(
            f"{folder} has {rows['path'].notna().sum():,} of the {len(rows):,} photos that {labels.name} lists, "
            f"expected {PHOTOS[split]:,} in classes 1 to {CLASSES}; use another mirror"
        )
    return rows.assign(fine=fine)

"""Stanford Cars: 8,144 + 8,041 photos in 196 classes (make, model, year), grouped here into 8 body types.

Source: Krause, Stark, Deng and Fei-Fei, 3D Object Representations for Fine-Grained Categorization (3dRR 2013). Its
address, https://ai.stanford.edu/~jkrause/cars/car_dataset.html, is gone, so that the files are fetched by hand from a
mirror. Mirrors have one of three layouts, each as archives or unpacked:

    cars_train, cars_test, devkit and cars_test_annos_withlabels.mat     as the authors gave it to their challenge
    car_ims and cars_annos.mat                                           the same photos, numbered anew
    car_data/{train,test}/CLASS NAME/*.jpg                               sorted into folders

Checksums are those in the data sets of torchvision 0.14 (the first layout) and of pytorch-metric-learning (the second).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat

from maskcon.images.fetching.downloading import RemoteFile, by_hand, present
from maskcon.images.fetching.put_by_hand import link_or_copy, lying_in
from maskcon.images.fetching.unpacking import unpack
from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.reading.published_photos import train_val_test
from maskcon.images.reading.source import Split
from maskcon.parameters.data import PhotoSet
from maskcon.parameters.errors import UserError

Values = PhotoSet
PHOTOS = {"train": 8144, "test": 8041}
CLASSES = 196


@dataclass(frozen=True)
class Piece:
    """A folder or file of a layout, and the file in which it was published."""

    name: str
    file: RemoteFile | None


CHALLENGE = (
    Piece("cars_train", RemoteFile("cars_train.tgz", None, "065e5b463ae28d29e77c1b4b166cfe61")),
    Piece("cars_test", RemoteFile("cars_test.tgz", None, "4ce7ebf6a94d07f1952d94dd34c4d501")),
    Piece("devkit", RemoteFile("car_devkit.tgz", None, "c3b158d763b6e2245038c8ad08e45376")),
    Piece(
        "cars_test_annos_withlabels.mat",
        RemoteFile("cars_test_annos_withlabels.mat", None, "b0a2b23655a3edd16d84508592a98d10"),
    ),
)
JOINED = (
    Piece("car_ims", RemoteFile("car_ims.tgz", None, "d5c8f0aa497503f355e17dc7886c3f14")),
    Piece("cars_annos.mat", RemoteFile("cars_annos.mat", None, "b407c6086d669747186bd1d764ff9dbc")),
)
SORTED = (Piece("car_data", None),)
LAYOUTS = (CHALLENGE, JOINED, SORTED)


def download(root: Path, raw: Path) -> None:
    """Take the first layout of which ``root`` has all pieces."""
    for layout in LAYOUTS:
        found = [_found(piece, root) for piece in layout]
        if None not in found:
            for piece, path in zip(layout, found, strict=True):
                _bring(piece, path, raw)
            return
    raise by_hand(
        "Stanford Cars",
        "its published address, https://ai.stanford.edu/~jkrause/cars/car_dataset.html, is gone",
        "a mirror, such as those that people keep on Kaggle and the Internet Archive",
        root,
        [
            *(piece.file for piece in CHALLENGE),
            f"or instead {JOINED[0].file}",
            f"     with {JOINED[1].file}",
            "or the same unpacked: folders cars_train, cars_test, devkit, car_ims in place of the .tgz",
            "or instead car_data/{train,test}/CLASS NAME/*.jpg",
        ],
    )


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Fine classes are numbered as in the development kit."""
    if (raw / "cars_train").is_dir():
        rows = _of_challenge(raw)
    elif (raw / "car_ims").is_dir():
        rows = _of_joined(raw)
    else:
        rows = _of_sorted(raw, Path(data.coarse_map))
    for split, number in PHOTOS.items():
        fine = rows[split]["fine"]
        if len(fine) != number or not fine.between(0, CLASSES - 1).all():
            raise UserError(
                f"{raw} has {len(fine):,} photos to {split} in classes {fine.min() + 1} to {fine.max() + 1}, expected "
                f"{number:,} in 1 to {CLASSES}; use another mirror"
            )
    yield from train_val_test(raw, rows["train"], rows["test"], data, scratch)


def _found(piece: Piece, root: Path) -> Path | None:
    published = lying_in(root, piece.file.name) if piece.file else None
    if published is not None:
        return present(piece.file, published.parent)
    return lying_in(root, piece.name)


def _bring(piece: Piece, path: Path, raw: Path) -> None:
    if path.suffix == ".tgz":
        unpack(path, raw / piece.name)
    else:
        link_or_copy(path, raw / piece.name)


def _of_challenge(raw: Path) -> dict[str, pd.DataFrame]:
    train = _annotations(_inside(raw / "devkit", "cars_train_annos.mat"), ("fname", "class"))
    test = _annotations(raw / "cars_test_annos_withlabels.mat", ("fname", "class"))
    return {
        "train": _photos(raw, raw / "cars_train", train["fname"], train["class"]),
        "test": _photos(raw, raw / "cars_test", test["fname"], test["class"]),
    }


def _of_joined(raw: Path) -> dict[str, pd.DataFrame]:
    listed = _annotations(raw / "cars_annos.mat", ("relative_im_path", "class", "test"))
    is_test = listed["test"].astype(int) == 1
    names = listed["relative_im_path"].map(lambda path: Path(path).name)
    return {
        split: _photos(raw, raw / "car_ims", names[chosen], listed["class"][chosen])
        for split, chosen in {"train": ~is_test, "test": is_test}.items()
    }


def _of_sorted(raw: Path, coarse_map: Path) -> dict[str, pd.DataFrame]:
    names = read_coarse_table(coarse_map)["fine_name"]
    number = {name.replace("/", "-"): fine for fine, name in enumerate(names)}  # "Ram C/V" cannot name a folder
    rows = {}
    for split in PHOTOS:
        photos = sorted((raw / "car_data").glob(f"**/{split}/*/*.jpg"))
        unknown = sorted({photo.parent.name for photo in photos} - set(number))
        if unknown:
            raise UserError(
                f"{raw / 'car_data'}: the folder {unknown[0]!r} is named by none of the classes of {coarse_map}"
            )
        fine = [number[photo.parent.name] for photo in photos]
        rows[split] = pd.DataFrame({"path": [str(photo.relative_to(raw)) for photo in photos], "fine": fine})
    return rows


def _annotations(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """The records of a .mat file, a row each."""
    try:
        records = np.atleast_1d(loadmat(path, squeeze_me=True)["annotations"])
        return pd.DataFrame({column: list(records[column]) for column in columns})
    except Exception as error:  # scipy has no one error for a damaged file
        raise UserError(
            f"{path} cannot be read ({error}); expected annotations with {', '.join(columns)}: fetch it again"
        ) from None


def _photos(raw: Path, folder: Path, names: pd.Series, classes: pd.Series) -> pd.DataFrame:
    """Rows for photos that lie somewhere in a folder; the files number the classes from 1."""
    place = {path.name: str(path.relative_to(raw)) for path in folder.rglob("*.jpg")}
    missing = [name for name in names if name not in place]
    if missing:
        raise UserError(f"{folder} lacks {len(missing):,} of its photos, such as {missing[0]}; use another mirror")
    fine = classes.astype(np.int64).to_numpy() - 1
    return pd.DataFrame({"path": [place[name] for name in names], "fine": fine})


def _inside(folder: Path, name: str) -> Path:
    return lying_in(folder, name) or folder / name

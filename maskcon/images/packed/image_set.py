"""The one format of every image set: images.npy and stretch.npy beside labels.csv.

    data/sets/NAME/{train,val,test}/images.npy    uint8 [N, H, W, 3], read through a memory map
    data/sets/NAME/{train,val,test}/stretch.npy   float64 [N], how much wider than here a photo was for its height
    data/sets/NAME/{train,val,test}/labels.csv    one row per image, columns LABEL_COLUMNS

The columns fine and fine_name are empty where a person has coarse labels only, of all images or of some. Training
reads a set through ``read_training_set``, which never opens those two columns.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "val", "test")
LABEL_COLUMNS = ("coarse", "coarse_name", "fine", "fine_name", "source", "width", "height")
TRAINING_COLUMNS = ("coarse", "coarse_name")


@dataclass(frozen=True)
class TrainingSet:
    """All that training may see of a set."""

    images: np.ndarray  # uint8 [N, H, W, 3]
    coarse: np.ndarray  # int64 [N]
    coarse_names: list[str]  # [C], by coarse label
    stretch: np.ndarray | None = None  # float64 [N]; None where all photos have kept their shape

    def digest(self) -> str:
        """SHA-256 of the images, coarse labels and stretch."""
        digest = hashlib.sha256(repr((self.images.shape, self.coarse_names)).encode())
        digest.update(np.ascontiguousarray(self.images))
        digest.update(self.coarse)
        if self.stretch is not None:
            digest.update(self.stretch)
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The labels of one part; ``fine`` and ``fine_name`` are None where not all of its images have fine labels."""

    coarse: np.ndarray  # int64 [N]
    coarse_name: np.ndarray  # str [N]
    fine: np.ndarray | None  # int64 [N]
    fine_name: np.ndarray | None  # str [N]
    source: np.ndarray  # str [N], where each image comes from

    def __len__(self) -> int:
        return len(self.coarse)


@dataclass(frozen=True, kw_only=True)
class LabelledSet(Labels):
    """A set for evaluation."""

    images: np.ndarray  # uint8 [N, H, W, 3]


def write_set(folder: Path, labels: pd.DataFrame, chunks: Iterable[np.ndarray], height: int, width: int) -> None:
    """Write one part of a set, of any size: no more than a chunk of it is held in memory.

    Args:
        labels: N rows with LABEL_COLUMNS.
        chunks: uint8 [b, height, width, 3] each, N images altogether, in the order of the rows.

    Raises:
        UserError: the disk has no room for it, or its source cannot be read; then images.npy is as it was.
    """
    shape = (len(labels), height, width, 3)
    require_space(folder, math.prod(shape))
    write_atomically(folder / "images.npy", lambda file: _write_images(file, shape, chunks))
    stretch = (labels["width"].to_numpy(np.float64) * height) / (labels["height"].to_numpy(np.float64) * width)
    write_atomically(folder / "stretch.npy", lambda file: np.save(file, stretch))
    write_atomically(  # into the file a few rows at a time: as one text, those of ImageNet take 80 MB, twice
        folder / "labels.csv", lambda file: labels.to_csv(file, index=False, lineterminator="\n", mode="wb")
    )


def require_space(folder: Path, size: int) -> None:
    """Raises: UserError, where ``size`` bytes do not fit on the disk of ``folder``, which need not exist yet."""
    folder = Path(folder).absolute()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if size > free:
        raise UserError(f"{folder} needs {size / 1e6:,.1f} MB of disk, but {free / 1e6:,.1f} MB are free; free some")


def _write_images(file: IO[bytes], shape: tuple[int, ...], chunks: Iterable[np.ndarray]) -> None:
    """The bytes that np.save would write of the chunks put together."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    number = 0
    for chunk in chunks:
        if chunk.dtype != np.uint8 or chunk.shape[1:] != shape[1:]:
            raise ValueError(f"images must be uint8 {['b', *shape[1:]]}, not {chunk.dtype} {list(chunk.shape)}")
        number += len(chunk)
        file.write(np.ascontiguousarray(chunk))
    if number != shape[0]:
        raise ValueError(f"{number} images came for {shape[0]} rows of labels")


def read_training_set(folder: Path) -> TrainingSet:
    """Read images, coarse labels and the photos' shapes, and nothing of the fine labels."""
    images, labels = _read(folder, TRAINING_COLUMNS)
    names = labels.drop_duplicates("coarse").set_index("coarse")["coarse_name"]
    if sorted(names.index) != list(range(len(names))):
        raise UserError(f"{folder / 'labels.csv'}: coarse labels must be 0 to C - 1, all of them in use")
    return TrainingSet(
        images,
        labels["coarse"].to_numpy(np.int64, copy=True),
        [str(names[c]) for c in range(len(names))],
        read_stretch(folder),
    )


def read_stretch(folder: Path) -> np.ndarray | None:
    """float64 [N]: ``TrainingSet.stretch`` of any part."""
    stretch = np.array(_load(folder / "stretch.npy"))
    return None if (stretch == 1).all() else stretch


def read_images(folder: Path) -> np.ndarray:
    """The images of a set, uint8 [N, H, W, 3], as a read-only memory map."""
    path = folder / "images.npy"
    images = _load(path)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise UserError(
            f"{path} holds {images.dtype} {list(images.shape)}, expected uint8 [N, H, W, 3]; "
            "make it again with: dvc repro -f coarse"
        )
    return images


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}); make it again with: dvc repro -f coarse") from None


def read_labelled_set(folder: Path) -> LabelledSet:
    """Read a set with all its labels, for evaluation and figures."""
    images, labels = _read(folder, LABEL_COLUMNS)
    return LabelledSet(images=images, **label_arrays(labels))


def label_arrays(labels: pd.DataFrame) -> dict[str, Any]:
    """The fields of ``Labels``, from rows of labels.csv as ``read_labels`` gives them."""
    has_fine = bool((labels["fine"] != "").all())
    return {
        "coarse": labels["coarse"].to_numpy(np.int64, copy=True),
        "coarse_name": labels["coarse_name"].to_numpy(str),
        "fine": labels["fine"].astype(np.int64).to_numpy() if has_fine else None,
        "fine_name": labels["fine_name"].to_numpy(str) if has_fine else None,
        "source": labels["source"].to_numpy(str),
    }


def _read(folder: Path, columns: tuple[str, ...]) -> tuple[np.ndarray, pd.DataFrame]:
    """Images and as many rows of labels."""
    labels, images = read_labels(folder, columns), read_images(folder)
    if len(images) != len(labels):
        raise UserError(
            f"{folder} has {len(images)} images but {len(labels)} rows in labels.csv; "
            "make it again with: dvc repro -f coarse"
        )
    return images, labels


def read_labels(folder: Path, columns: tuple[str, ...] = LABEL_COLUMNS, stage: str = "coarse") -> pd.DataFrame:
    """The rows of labels.csv; names as text, whatever they look like, and so are fine labels where some are missing.

    Raises:
        UserError: the file is missing, lacks a column, or has labels that are not numbers; ``stage`` makes it again.
    """
    import pandas as pd  # here, so that what reads images alone does not wait for it

    path = folder / "labels.csv"
    try:  # numbers at once as such, so that millions of rows stay small
        kinds = dict.fromkeys(columns, str) | {"coarse": np.int64}
        labels = pd.read_csv(path, usecols=list(columns), dtype=kinds, keep_default_na=False)
        if "fine" in columns:
            has_fine = labels["fine"] != ""
            numbers = labels.loc[has_fine, "fine"].astype(np.int64)  # refuses other words, also where some are missing
            labels["fine"] = numbers if has_fine.all() else labels["fine"]
        return labels
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({' '.join(str(error).split())}); expected the columns {', '.join(columns)}, with "
            f"whole numbers as labels; make it again with: dvc repro -f {stage}"
        ) from None

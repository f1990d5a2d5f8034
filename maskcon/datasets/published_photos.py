"""The parts of a set that was published as photos, from where its files lie and what they show.

train = DataFrame({"path": ["images/beagle_1.jpg", ...], "fine": [4, ...]})
yield from train_val_test(raw, train, test, data, scratch)
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from maskcon.datasets.source import Part
from maskcon.datasets.validation import held_out
from maskcon.errors import UserError
from maskcon.parameters import PublishedSet
from maskcon.randomness import numpy_generator

CHUNK = 256


def train_val_test(
    raw: Path,
    train: pd.DataFrame,
    test: pd.DataFrame,
    data: PublishedSet,
    scratch: Path,
    whole_classes: bool = False,
) -> Iterator[tuple[str, Part]]:
    """The splits train, val (a share of train) and test.

    Args:
        train, test: rows with path (below ``raw``), fine, and where the set has them fine_name, coarse, coarse_name.
        whole_classes: see ``held_out``.
    """
    train, val = held_out(train, data.val_share, numpy_generator(data.seed, data.name, "val"), whole_classes)
    for split, rows in {"train": train, "val": val, "test": test}.items():
        paths = [raw / path for path in rows["path"]]
        sizes = np.array([_size(path) for path in paths], np.int64).reshape(-1, 2)
        labels = rows.rename(columns={"path": "source"}).assign(width=sizes[:, 0], height=sizes[:, 1])
        yield split, Part(labels, _chunks(paths, data.stored_size))


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as photo:
            return photo.size
    except OSError as error:
        raise UserError(f"{path} is no readable photo ({error}); fetch its archive again") from None


def _chunks(paths: list[Path], size: tuple[int, int]) -> Iterable[np.ndarray]:
    height, width = size
    for start in range(0, len(paths), CHUNK):
        photos = []
        for path in paths[start : start + CHUNK]:
            with Image.open(path) as photo:
                photos.append(np.asarray(photo.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)))
        yield np.stack(photos)

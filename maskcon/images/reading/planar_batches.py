"""Batches of 32 x 32 images as CIFAR and the downsampled ImageNet pickle them: a row of 3,072 bytes an image.

    train = listed([raw / "data_batch_1", raw / "data_batch_2"], "labels")     # one row per image: label, batch, place
    for images in image_chunks(train):                                         # uint8 [b, 32, 32, 3]
        ...

One batch is in memory at a time: those of ImageNet have 394 MB each.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from maskcon.images.fetching.plain_pickle import read_plain_pickle
from maskcon.images.reading.source import Split
from maskcon.images.reading.validation import held_out
from maskcon.parameters.data import PublishedSet
from maskcon.parameters.errors import UserError
from maskcon.runtime.randomness import numpy_generator

SIDE = 32  # pixels
PLANES = 3  # red, green, blue, one after the other
CHUNK = 4096  # images


def listed(batches: Sequence[Path], labels: str) -> pd.DataFrame:
    """The images of all batches, a row each: label (int64, as the file numbers them), batch (its path), place.

    A row has a few bytes, as ImageNet has 1.28 million.

    Args:
        labels: the key of the labels in each batch.

    Raises:
        UserError: a file is missing or damaged, or holds no such batch.
    """
    kind = pd.CategoricalDtype([str(path) for path in batches])
    return pd.concat([_listed(path, labels, kind) for path in batches], ignore_index=True)


def image_chunks(rows: pd.DataFrame) -> Iterator[np.ndarray]:
    """The images of some rows of ``listed``, in their order, uint8 [b, 32, 32, 3] at a time."""
    for path, of_batch in rows.groupby("batch", sort=False, observed=True):
        planes = _read(Path(path))["data"].reshape(-1, PLANES, SIDE, SIDE)
        places = of_batch["place"].to_numpy()
        for start in range(0, len(places), CHUNK):
            chosen = planes[places[start : start + CHUNK]]
            yield np.ascontiguousarray(chosen.transpose(0, 2, 3, 1))
        del planes  # before the next batch is read


def train_val_test(train: pd.DataFrame, test: pd.DataFrame, data: PublishedSet) -> Iterator[tuple[str, Split]]:
    """The parts of a set, from rows of ``listed`` with their fine class in the column fine; val is a share of train."""
    train, val = held_out(train, data.val_share, numpy_generator(data.seed, data.name, "val"))
    for split, rows in {"train": train, "val": val, "test": test}.items():
        source = rows["batch"].map(lambda batch: Path(batch).name).astype(str) + " " + rows["place"].astype(str)
        labels = pd.DataFrame({"fine": rows["fine"], "source": source, "width": SIDE, "height": SIDE})
        yield split, Split(labels, image_chunks(rows))


def _listed(path: Path, labels: str, kind: pd.CategoricalDtype) -> pd.DataFrame:
    label = np.asarray(_read(path, labels)[labels], np.int64)
    return pd.DataFrame(
        {"label": label, "batch": pd.Categorical([str(path)] * len(label), dtype=kind), "place": np.arange(len(label))}
    )


def _read(path: Path, labels: str | None = None) -> dict:
    """The batch in a file, by its keys as text."""
    found = read_plain_pickle(path)
    batch = {_text(key): value for key, value in found.items()} if isinstance(found, dict) else {}
    pixels = batch.get("data")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (PLANES * SIDE * SIDE,):
        expected = f"data, uint8 [N, {PLANES * SIDE * SIDE}]"
        raise UserError(f"{path} is not a batch of images (expected {expected}); fetch it again")
    if labels is not None and len(batch.get(labels, [])) != len(pixels):
        raise UserError(f"{path} does not hold {labels} for its {len(pixels)} images; fetch it again")
    return batch


def _text(key: object) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)

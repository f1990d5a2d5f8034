"""The parts of a set that was published as photos, from where its files lie and what they show.

train = DataFrame({"path": ["images/beagle_1.jpg", ...], "fine": [4, ...]})
yield from train_val_test(raw, train, test, data, scratch)
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from maskcon.images.fetching.downloading import RemoteFile
from maskcon.images.reading.decoding import Decoded, decode_photos
from maskcon.images.reading.source import Split
from maskcon.images.reading.validation import held_out
from maskcon.parameters.data import PublishedSet
from maskcon.parameters.errors import UserError
from maskcon.runtime.randomness import numpy_generator


def train_val_test(
    raw: Path,
    train: pd.DataFrame,
    test: pd.DataFrame,
    data: PublishedSet,
    scratch: Path,
    whole_classes: bool = False,
) -> Iterator[tuple[str, Split]]:
    """The splits train, val (a share of train) and test.

    Args:
        train, test: rows with path (below ``raw``), fine, and where the set has them fine_name, coarse, coarse_name.
        whole_classes: see ``held_out``.

    Raises:
        UserError: a photo is missing or cannot be read.
    """
    train, val = held_out(train, data.val_share, numpy_generator(data.seed, data.name, "val"), whole_classes)
    splits = {"train": train, "val": val, "test": test}
    paths = pd.concat([rows["path"] for rows in splits.values()], ignore_index=True)
    decoded = decode_photos(
        [os.path.join(raw, path) for path in paths], *data.stored_size, scratch, f"decoding {data.name}"
    )
    _refuse_faults(raw, paths, decoded)
    start = 0
    for split, rows in splits.items():
        places = np.arange(start, start := start + len(rows))
        width, height = decoded.own_sizes[places].T
        labels = rows.rename(columns={"path": "source"}).assign(width=width, height=height)
        yield split, Split(labels, decoded.chunks(places))


@contextmanager
def readable(path: Path, archive: RemoteFile) -> Iterator[None]:
    """Turn what goes wrong while ``path`` is read into a UserError that says which archive to fetch again."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read ({reason}); fetch {archive.name} again") from None


def _refuse_faults(raw: Path, paths: pd.Series, decoded: Decoded) -> None:
    if decoded.faults:
        place, reason = next(iter(decoded.faults.items()))
        raise UserError(
            f"{raw / paths[place]} {reason}; {len(decoded.faults):,} of {len(paths):,} photos cannot be read: "
            "fetch the set's files again into data.root, then dvc repro -f download"
        )

"""The embeddings of one part, as files: one row per image, in the same order in each of them.

    embeddings/{val,test}/labels.csv                 columns LABEL_COLUMNS, as in the packed set
    embeddings/{val,test}/{encoder,untrained,pixels}.npy, snapshots/epoch_0005.npy ...   float32 [N, F], unit rows
    embeddings/{val,test}/projection.npy             where an adapter's readout holds its projection: that alone
    embeddings/{val,test}/views/{weak,strong}/...    the same of a random view of each image, see stages/embed.py

    write_rows(Path("embeddings/test/encoder.npy"), (N, F), rows)    # rows: float32 [b, F], a batch at a time
    embedded = read_embedded_set(Path("embeddings/test"))
    features = embedded.features("encoder")

The columns fine and fine_name are empty where a person has coarse labels only, of all images or of some.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from maskcon.images.packed.image_set import Labels, label_arrays, read_labels
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_atomically

MAKE_AGAIN = "make it again with: dvc repro -f embed"
TWO_VIEWS = ("weak", "strong")  # folders of embeddings/PART/views
UNIT_TOLERANCE = 1e-3  # of a row's length; rows kept as bfloat16 on the way are off by less


def write_rows(path: Path, shape: tuple[int, int], rows: Iterable[np.ndarray]) -> None:
    """Write float32 [N, F] as np.save would, of which no more than one batch [b, F] is in memory.

    Raises:
        CannotWrite: as write_atomically.
    """

    def write(file: IO[bytes]) -> None:
        npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for batch in rows:
            file.write(np.ascontiguousarray(batch, "<f4").data)

    write_atomically(path, write)


@dataclass(frozen=True, kw_only=True)
class EmbeddedSet(Labels):
    """The labels of one part, and its features by name."""

    folder: Path
    rows: np.ndarray | None = None  # int64 [N], of the files, where only these are read
    images_in_part: int | None = None  # rows of the files; N, unless said

    def snapshots(self) -> dict[int, str]:
        """Epoch -> name of the features of the encoder as it was after that epoch, epochs rising."""
        found = {}
        for path in (self.folder / "snapshots").glob("*.npy"):
            if epoch := re.fullmatch(r"epoch_(\d+)", path.stem):
                found[int(epoch[1])] = f"snapshots/{path.stem}"
        return dict(sorted(found.items()))

    def features(self, name: str) -> np.ndarray:
        """float32 [N, F], rows of length 1 (or 0, of an image in which there is nothing to see), in a memory map.

        What is written into the array stays in this process; torch warns of arrays that cannot be written.

        Raises:
            UserError: the file is missing, or does not hold such rows, one for each row of labels.csv.
        """
        path = self.folder / f"{name}.npy"
        try:
            features = np.load(path, mmap_mode="c", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"{path} cannot be read ({error}); {MAKE_AGAIN}") from None
        expected = self.images_in_part or len(self)
        if features.dtype != np.float32 or features.ndim != 2 or len(features) != expected:
            raise UserError(
                f"{path} holds {features.dtype} {list(features.shape)}, expected float32 [{expected}, F]; {MAKE_AGAIN}"
            )
        if self.rows is not None:
            features = features[self.rows]
        length = np.sqrt(np.einsum("nf,nf->n", features, features))  # without a copy of all features
        wrong = ~((np.abs(length - 1) < UNIT_TOLERANCE) | (length == 0))  # also where the length is not a number
        if wrong.any():
            row = int(wrong.argmax())
            raise UserError(
                f"{path}: {int(wrong.sum())} of {len(self)} rows have not length 1, the first is row {row} "
                f"({self.source[row]}) with length {length[row]}; if that is nan, training diverged: "
                f"lower train.learning_rate; otherwise {MAKE_AGAIN}"
            )
        return features


def read_embedded_set(folder: Path, only_with_fine: bool = False) -> EmbeddedSet:
    """Read the labels of one part; features are read when asked for.

    Args:
        only_with_fine: leave out the images without fine labels, where some have them and others not. With fewer than
            two that have them, nothing could be found: then all are there, and ``fine`` is None.

    Raises:
        UserError: as ``read_labels``.
    """
    labels = read_labels(folder, stage="embed")
    images_in_part, rows = len(labels), np.flatnonzero(labels["fine"] != "")
    is_chosen = only_with_fine and 2 <= len(rows) < images_in_part
    return EmbeddedSet(
        folder=folder,
        rows=rows if is_chosen else None,
        images_in_part=images_in_part,
        **label_arrays(labels.iloc[rows] if is_chosen else labels),
    )

"""A gallery's index by faiss: faster than comparing a photo with every image, and not always right.

    index = kept_index(gallery.features, Path("exports/indexes"))
    places, cosines = index.nearest(queries, count=10)

It is a graph of near images, walked towards the query (HNSW; Malkov and Yashunin, 2018). The cosines are exact.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import torch

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import require_place, write_atomically
from maskcon.runtime.randomness import numpy_generator

SEARCH_BREADTH = 128  # images kept in view while the graph is walked
RECALL_SAMPLE, RECALL_AT = 1000, 10


@dataclass(frozen=True)
class KeptIndex:
    path: Path
    index: faiss.Index
    recall: float | None = None  # of the 10 nearest others of an image; measured as the index is built

    def nearest(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest images that it finds for queries float32 [M, F], unit rows.

        Returns:
            places: int64 [M, count], nearest first; -1 where fewer were found.
            cosines: float32 [M, count].
        """
        breadth = faiss.SearchParametersHNSW(efSearch=max(SEARCH_BREADTH, count))
        cosines, places = self.index.search(np.ascontiguousarray(queries), count, params=breadth)
        return places, cosines


def kept_index(gallery: np.ndarray, folder: Path) -> KeptIndex:
    """The index in ``folder`` of these very features, float32 [N, F], unit rows; built where there is none.

    Raises:
        UserError: it cannot be read or written.
    """
    digest = hashlib.sha256(np.ascontiguousarray(gallery)).hexdigest()
    path = folder / f"hnsw-{digest[:16]}.faiss"
    if path.exists():
        try:
            return KeptIndex(path, faiss.read_index(str(path)))
        except RuntimeError as error:
            reason = str(error).splitlines()[-1]
            raise UserError(f"{path} cannot be read ({reason}); remove it, and it is built again") from None
    require_place(path)
    index = faiss.index_factory(gallery.shape[1], "HNSW32,Flat", faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 100
    index.add(gallery)
    write_atomically(path, lambda file: faiss.write_index(index, faiss.PyCallbackIOWriter(file.write)))
    return KeptIndex(path, index, measured_recall(KeptIndex(path, index), gallery))


def measured_recall(index: KeptIndex, gallery: np.ndarray) -> float | None:
    """The share of the 10 nearest others of an image that the index finds; None for a gallery of one image."""
    others = min(RECALL_AT, len(gallery) - 1)
    if not others:
        return None
    generator = numpy_generator(0, "images that an index is measured on")
    sample = np.sort(generator.choice(len(gallery), min(RECALL_SAMPLE, len(gallery)), replace=False))
    found = index.nearest(gallery[sample], others + 1)[0]
    exact = gallery_neighbours(torch.from_numpy(gallery[sample]), torch.from_numpy(gallery), others + 1)[0].numpy()
    hits = (found[:, :, None] == exact[:, None]).sum() / len(sample)  # of an image, itself counted
    return float((hits - 1) / others)

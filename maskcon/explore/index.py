"""A gallery's index by faiss: faster than comparing a photo with every image, and not always right.

    index = kept_index("hnsw", gallery.features, Path("exports/indexes"))
    places, cosines = index.nearest(queries, count=10)

    hnsw     a graph of near images, walked towards the query (Malkov and Yashunin, 2018): 4 F + 270 bytes an image.
    ivfpq    lists of images about centres, the nearest 64 of which are looked through, by features in F / 4 bytes
             (Jégou, Douze and Schmid, 2011): F / 4 + 8 bytes an image.

What an index proposes is compared exactly, so cosines are exact and ties come in the order of the gallery.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import torch

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import require_place, write_atomically
from maskcon.runtime.randomness import numpy_generator

KINDS = ("hnsw", "ivfpq")
SEARCH_BREADTH = 128  # images kept in view while a graph is walked
LISTS_LOOKED_THROUGH = 64
PROPOSED = 30  # times what is asked for, of codes
LEAST_PROPOSED = 300
LEAST_IMAGES = 39 * 256  # faiss warns of codes that are learned from fewer
RECALL_SAMPLE, RECALL_AT = 1000, 10


@dataclass(frozen=True)
class KeptIndex:
    path: Path
    index: faiss.Index
    gallery: np.ndarray  # float32 [N, F], unit rows, may be a memory map
    recall: float | None = None  # of the 10 nearest others of an image; measured as the index is built

    def nearest(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest images that it finds for queries float32 [M, F], unit rows.

        Returns:
            places: int64 [M, count], nearest first; -1 where fewer were found.
            cosines: float32 [M, count]; minus infinity there.
        """
        proposed = self._proposed(np.ascontiguousarray(queries), count)
        cosines = np.einsum("mcf,mf->mc", self.gallery[proposed], queries)
        cosines[proposed < 0] = -np.inf
        order = np.lexsort((proposed, -cosines))[:, :count]
        return np.take_along_axis(proposed, order, axis=1), np.take_along_axis(cosines, order, axis=1)

    def _proposed(self, queries: np.ndarray, count: int) -> np.ndarray:
        """int64 [M, at least count]: places, -1 where there are no more."""
        if isinstance(self.index, faiss.IndexHNSW):
            breadth = faiss.SearchParametersHNSW(efSearch=max(SEARCH_BREADTH, count))
        else:
            count = max(PROPOSED * count, LEAST_PROPOSED)
            breadth = faiss.SearchParametersIVF(nprobe=LISTS_LOOKED_THROUGH)
        return self.index.search(queries, count, params=breadth)[1]


def kept_index(kind: str, gallery: np.ndarray, folder: Path) -> KeptIndex:
    """The index in ``folder`` of these very features, float32 [N, F], unit rows; built where there is none.

    Raises:
        UserError: it cannot be built of so few images, read or written.
    """
    digest = hashlib.sha256(np.ascontiguousarray(gallery)).hexdigest()
    path = folder / f"{kind}-{digest[:16]}.faiss"
    if path.exists():
        try:
            return KeptIndex(path, faiss.read_index(str(path)), gallery)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1]
            raise UserError(f"{path} cannot be read ({reason}); remove it, and it is built again") from None
    require_place(path)
    index = built_index(kind, gallery)
    write_atomically(path, lambda file: faiss.write_index(index, faiss.PyCallbackIOWriter(file.write)))
    return KeptIndex(path, index, gallery, measured_recall(KeptIndex(path, index, gallery)))


def built_index(kind: str, gallery: np.ndarray) -> faiss.Index:
    """Raises: UserError, for ivfpq of fewer images than codes can be learned from."""
    images, size = gallery.shape
    if kind == "hnsw":
        index = faiss.index_factory(size, "HNSW32,Flat", faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 100
    elif images < LEAST_IMAGES:
        raise UserError(
            f"--index ivfpq learns its codes from at least {LEAST_IMAGES:,} images, and this gallery has {images:,}; "
            "search it with --index exact or hnsw"
        )
    else:
        lists = round(2 * math.sqrt(images))
        code = max(parts for parts in range(1, max(size // 4, 1) + 1) if size % parts == 0)
        # np: not polysemous, in an order that lets codes be compared by their bits: that takes seconds a byte to learn.
        index = faiss.index_factory(size, f"IVF{lists},PQ{code}x8np", faiss.METRIC_INNER_PRODUCT)
        index.train(gallery)
    index.add(gallery)
    return index


def measured_recall(index: KeptIndex) -> float | None:
    """The share of the 10 nearest others of an image that the index finds; None for a gallery of one image."""
    images = len(index.gallery)
    others = min(RECALL_AT, images - 1)
    if not others:
        return None
    generator = numpy_generator(0, "images that an index is measured on")
    queries = index.gallery[np.sort(generator.choice(images, min(RECALL_SAMPLE, images), replace=False))]
    found = index.nearest(queries, others + 1)[0]
    exact = gallery_neighbours(torch.from_numpy(queries), torch.from_numpy(index.gallery), others + 1)[0].numpy()
    hits = (found[:, :, None] == exact[:, None]).sum() / len(queries)  # of an image, itself counted
    return float((hits - 1) / others)

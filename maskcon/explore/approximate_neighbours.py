"""Nearest neighbours by an index of faiss, which looks at a part of the gallery: faster than exact, not always right.

    index = built_index("hnsw", gallery)                        # float32 [N, F], unit rows, may be a memory map
    places, similarity = index.nearest(queries, count=10)
    measured_recall(index, at=(1, 10))                          # {1: 0.998, 10: 0.997} of the exact neighbours found

    hnsw     a graph of near images, walked towards the query (Malkov and Yashunin, 2018). Holds the features too: about
             4 F + 270 bytes an image.
    ivfpq    lists of images about centres, of which the nearest 64 are looked through, by features in F / 4 bytes
             (Jégou, Douze and Schmid, 2011): about F / 4 + 8 bytes an image. Thirty times as many as asked for are
             then compared exactly, by their rows in the gallery.

Cosines are exact in both cases. faiss is an optional package, see SEARCH_PACKAGES.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours
from maskcon.parameters.errors import UserError
from maskcon.runtime.randomness import numpy_generator

if TYPE_CHECKING:
    import faiss

KINDS = ("hnsw", "ivfpq")
SEARCH_PACKAGES = "requirements-search.txt"
ROWS_AT_A_TIME = 2**16  # of the gallery, so that one in a memory map is never whole in memory

LINKS = 32  # of an image in the graph
BUILD_BREADTH = 100  # images kept in view while the graph is made
SEARCH_BREADTH = 128  # and while it is walked

LISTS_LOOKED_THROUGH = 64
NUMBERS_A_BYTE = 4  # of a feature: 16 times less than as float32
CODES = 256  # values of a byte
TRAINED_ON = 64  # images for each list, and for each value of a byte; faiss warns below 39
COMPARED_EXACTLY = 30  # times the neighbours that are asked for
LEAST_COMPARED = 300

RECALL_SAMPLE = 1000  # images of the gallery


@dataclass(frozen=True)
class ApproximateIndex:
    kind: str
    index: faiss.Index
    gallery: np.ndarray  # float32 [N, F], unit rows, may be a memory map

    def nearest(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest images that it finds for queries float32 [M, F], unit rows.

        Returns:
            places: int64 [M, count], nearest first; -1 where fewer were found.
            similarity: float32 [M, count], cosines; minus infinity there.
        """
        candidates = self._candidates(queries, count)
        similarity = np.full(candidates.shape, -np.inf, np.float32)
        for row, query in enumerate(queries):
            found = candidates[row] >= 0
            similarity[row, found] = self.gallery[candidates[row, found]] @ query
        order = np.lexsort((candidates, -similarity))[:, :count]  # falling; of equal ones the lower place first
        return np.take_along_axis(candidates, order, axis=1), np.take_along_axis(similarity, order, axis=1)

    def _candidates(self, queries: np.ndarray, count: int) -> np.ndarray:
        """int64 [M, at least count]: places, -1 where there are no more."""
        import faiss

        if self.kind == "hnsw":
            wanted, breadth = count, faiss.SearchParametersHNSW(efSearch=max(SEARCH_BREADTH, count))
        else:
            wanted = max(COMPARED_EXACTLY * count, LEAST_COMPARED)
            breadth = faiss.SearchParametersIVF(nprobe=LISTS_LOOKED_THROUGH)
        return self.index.search(np.ascontiguousarray(queries), wanted, params=breadth)[1]


def require_faiss(kind: str) -> None:
    """Raises: UserError, where faiss is not installed."""
    from importlib.util import find_spec

    if find_spec("faiss") is None:
        raise UserError(
            f"--index {kind} needs faiss, which is not installed; install it with pip install -r {SEARCH_PACKAGES}, "
            "or search with: --index exact"
        )


def built_index(kind: str, gallery: np.ndarray) -> ApproximateIndex:
    """An index of the gallery, float32 [N, F], unit rows, which is read a stretch at a time.

    Raises:
        UserError: ivfpq, and fewer images than its codes are learned from.
    """
    index = _empty_graph(gallery) if kind == "hnsw" else _trained_lists(gallery)
    for start in range(0, len(gallery), ROWS_AT_A_TIME):
        index.add(np.ascontiguousarray(gallery[start : start + ROWS_AT_A_TIME]))
    return ApproximateIndex(kind, index, gallery)


def _empty_graph(gallery: np.ndarray) -> faiss.Index:
    import faiss

    index = faiss.IndexHNSWFlat(gallery.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = BUILD_BREADTH
    return index


def _trained_lists(gallery: np.ndarray) -> faiss.Index:
    """Centres and codes, learned from some of the images; no image is in the lists yet."""
    import faiss

    images, size = gallery.shape
    least = TRAINED_ON * CODES
    if images < least:
        raise UserError(
            f"--index ivfpq learns its codes from at least {least:,} images, and this gallery has {images:,}; "
            "search it with --index exact or hnsw"
        )
    lists, code = number_of_lists(images), bytes_of_code(size)
    # np: not polysemous, in an order that lets codes be compared by their bits: that takes seconds a byte to learn.
    index = faiss.index_factory(size, f"IVF{lists},PQ{code}x8np", faiss.METRIC_INNER_PRODUCT)
    index.cp.max_points_per_centroid = TRAINED_ON
    index.pq.cp.max_points_per_centroid = TRAINED_ON
    chosen = numpy_generator(0, "images an index is trained on").choice(
        images, min(images, TRAINED_ON * max(lists, CODES)), replace=False
    )
    index.train(np.ascontiguousarray(gallery[np.sort(chosen)]))
    return index


def number_of_lists(images: int) -> int:
    """2 sqrt(N): an image is compared with 2 sqrt(N) centres, and a list has sqrt(N) / 2 images."""
    return round(2 * math.sqrt(images))


def bytes_of_code(size: int) -> int:
    """Of a feature of ``size`` numbers: those are cut into as many equal parts, of at least NUMBERS_A_BYTE each."""
    return max(parts for parts in range(1, max(size // NUMBERS_A_BYTE, 1) + 1) if size % parts == 0)


def measured_recall(index: ApproximateIndex, at: Iterable[int], sample: int = RECALL_SAMPLE) -> dict[int, float]:
    """K -> the share of the K nearest others of an image that the index finds; mean over images of its own gallery.

    K that is not below the number of images is left out.
    """
    images = len(index.gallery)
    at = [k for k in at if k < images]
    if not at:
        return {}
    chosen = numpy_generator(0, "images that an index is measured on").choice(
        images, min(sample, images), replace=False
    )
    chosen.sort()
    queries = np.ascontiguousarray(index.gallery[chosen])
    found, _ = index.nearest(queries, max(at) + 1)
    exact, _ = gallery_neighbours(torch.from_numpy(queries), torch.from_numpy(index.gallery), max(at) + 1)
    return recall_of(others(found, chosen), others(exact.numpy(), chosen), at)


def others(found: np.ndarray, itself: np.ndarray) -> np.ndarray:
    """int64 [M, K]: what was found, [M, K + 1], without the image itself, [M]; if that is absent, without the last."""
    kept = found != itself[:, None]
    kept[kept.all(axis=1), -1] = False
    return found[kept].reshape(len(found), -1)


def recall_of(found: np.ndarray, exact: np.ndarray, at: Iterable[int]) -> dict[int, float]:
    """K -> the share of the first K of ``exact`` that are among the first K of ``found``, both int64 [M, >= K]."""
    hits = {k: (found[:, :k, None] == exact[:, None, :k]).sum() for k in at}
    return {k: float(number / (len(exact) * k)) for k, number in hits.items()}

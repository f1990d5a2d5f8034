"""Exact nearest neighbours by cosine, a chunk of queries and a stretch of the gallery at a time.

    for queries, neighbours, cosines in neighbours_by_chunk(features, count=10):
        labels[neighbours] == labels[queries, None]  # [B, 10], nearest first

Every image is a query, every other image may be its neighbour. The query itself is left out by its index: dropping
the first hit instead, as is often done, leaves out the wrong image wherever two images have the same features.
With a gallery of other images, ``gallery_neighbours`` has nothing to leave out; it may be larger than memory.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

CHUNK_BYTES = 2**27  # of memory for one chunk: 128 MiB, some 900 queries
STRETCH = 2**15  # images of the gallery at a time; with many more, so few queries fit that reading them takes the time
BYTES_PER_NEIGHBOUR = 96  # index and similarity, and what scoring and merging them takes


def neighbours_by_chunk(features: Tensor, count: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """The ``count`` images most similar to each image, itself left out.

    Memory is bounded by CHUNK_BYTES whatever the number of images. Images exactly as similar to the query come in
    the order of their indices, so the result is the same on every device and for every chunk size, up to what
    rounding does to the similarities themselves.

    Args:
        features: float32 [N, F], unit rows (an inner product is then a cosine), no gradient, on any device.
        count: from 1 to N - 1.

    Yields:
        queries: slice of B rows of ``features``; together, in order, all of them.
        neighbours: int64 [B, count], rows of ``features``, nearest first, on the device of ``features``.
        similarity: float32 [B, count], of these neighbours, falling.
    """
    return _nearest_by_chunk(features, features, count, leave_out_itself=True)


def gallery_neighbours_by_chunk(queries: Tensor, gallery: Tensor, count: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """The ``count`` images of a gallery most similar to each query, none left out; otherwise as above.

    A gallery that is larger than the memory of the machine, or of the GPU, is walked once for each chunk of queries:

        gallery = torch.from_numpy(np.load(path, mmap_mode="c"))  # "c": torch warns of maps that cannot be written

    Args:
        queries: float32 [M, F], unit rows, no gradient, on any device.
        gallery: float32 [N, F], likewise; on the CPU, where it may be a memory map, or on the device of the queries.
        count: from 1 to N.
    """
    return _nearest_by_chunk(queries, gallery, count, leave_out_itself=False)


def gallery_neighbours(queries: Tensor, gallery: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """int64 [M, count] and float32 [M, count]: the chunks of ``gallery_neighbours_by_chunk`` as one."""
    chunks = [found for _, *found in gallery_neighbours_by_chunk(queries, gallery, count)]
    neighbours, similarity = (torch.cat(parts) for parts in zip(*chunks, strict=True))
    return neighbours, similarity


def without_itself(found: Tensor, itself: Tensor) -> Tensor:
    """int64 [M, K]: what ``gallery_neighbours`` has found, [M, K + 1], without the query's own row, [M].

    Where its row is absent, as more than K others are equal to it, the last one is left out.
    """
    others = found != itself[:, None]
    others[others.all(dim=1), -1] = False
    return found[others].view(len(found), found.shape[1] - 1)


def _nearest_by_chunk(
    queries: Tensor, gallery: Tensor, count: int, leave_out_itself: bool
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Rows, neighbours and similarities of each chunk: the nearest of each stretch, joined to the nearest before it."""
    stretch = images_at_a_time(len(gallery), count)
    chunk = max(1, CHUNK_BYTES // bytes_per_query(len(gallery), count))
    for start in range(0, len(queries), chunk):
        rows = slice(start, min(start + chunk, len(queries)))
        nearest = None
        for first in range(0, len(gallery), stretch):
            part = gallery[first : first + stretch].to(queries.device)
            similarity = queries[rows] @ part.T
            if leave_out_itself:
                similarity.diagonal(start - first).fill_(-torch.inf)  # image start + i in row i, first + j in column j
            found = _highest(similarity, min(count, len(part)))
            further = found + first, similarity.gather(1, found)
            nearest = further if nearest is None else _joined(nearest, further, count)
        yield rows, *nearest


def _joined(nearest: tuple[Tensor, Tensor], further: tuple[Tensor, Tensor], count: int) -> tuple[Tensor, Tensor]:
    """The ``count`` nearest of both: neighbours and similarities [B, at most count] each, those further on second."""
    neighbours, similarity = (torch.cat(both, dim=1) for both in zip(nearest, further, strict=True))
    # Stable: of equal ones the first stay first, whose indices are lower.
    similarity, order = similarity.sort(dim=1, descending=True, stable=True)
    return neighbours.gather(1, order[:, :count]), similarity[:, :count]


def bytes_per_query(images: int, count: int) -> int:
    """Of memory, to find ``count`` neighbours among ``images``; bounded, however many these are."""
    return 4 * images_at_a_time(images, count) + BYTES_PER_NEIGHBOUR * count


def images_at_a_time(images: int, count: int) -> int:
    """Of a gallery: many for each neighbour asked for, as the nearest of each stretch are joined."""
    return min(images, max(STRETCH, 256 * (count + 1)))


def _highest(similarity: Tensor, count: int) -> Tensor:
    """Indices [B, count] of the highest entries of each row of [B, M], falling; of equal ones the lower index first."""
    # One more than asked for shows whether the last one asked for is there by luck: then another is exactly as high.
    values, indices = similarity.topk(min(count + 1, similarity.shape[1]), dim=1)
    equal = values[:, 1:] == values[:, :-1]
    if values.shape[1] > count:
        for row in equal[:, -1].nonzero().flatten().tolist():
            indices[row, :count] = _highest_tied(similarity[row], values[row, count], count)

    indices = indices[:, :count]
    tied = equal.any(dim=1).nonzero()  # [T, 1]; the other rows are in their only order
    rising = indices[tied[:, 0]].sort(dim=1).values
    falling = similarity[tied, rising].sort(dim=1, descending=True, stable=True).indices
    indices[tied[:, 0]] = rising.gather(1, falling)
    return indices


def _highest_tied(similarity: Tensor, last: Tensor, count: int) -> Tensor:
    """Indices [count], rising, of the highest entries of [N], where more have the value ``last`` than there is room."""
    above = (similarity > last).nonzero().flatten()
    tied = (similarity == last).nonzero().flatten()
    return torch.cat([above, tied[: count - len(above)]]).sort().values

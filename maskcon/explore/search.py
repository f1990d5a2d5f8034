"""The images of a gallery that are nearest to a photo.

found = search(gallery, ["cat.jpg"], count=10)
found[0].nearest[0].similarity, found[0].nearest[0].fine_name
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tabulate import tabulate

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours
from maskcon.explore.gallery import Gallery
from maskcon.images.reading.folder_listing import show


@dataclass(frozen=True)
class Neighbour:
    """An image of the gallery. ``place`` is its row there; ``fine_name`` is None where there are no fine labels."""

    rank: int  # from 1
    similarity: float  # cosine
    place: int
    coarse_name: str
    fine_name: str | None
    source: str


@dataclass(frozen=True)
class Found:
    """What is nearest to one photo."""

    photo: Path
    pixels: np.ndarray  # uint8 [H, W, 3], the photo as the encoder was given it
    nearest: list[Neighbour]


Finder = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]  # queries float32 [M, F], count


def search(gallery: Gallery, photos: Sequence[Path], count: int, finder: Finder | None = None) -> list[Found]:
    """The ``count`` nearest images of the gallery to each photo, all of them where it has fewer.

    Args:
        finder: ``nearest`` of an ApproximateIndex of this gallery, or what answers like it; exact, unless given.

    Raises:
        UserError: photos that cannot be read, all of them named.
    """
    images = gallery.encoder.read(photos)
    nearest = nearest_to(gallery, images, count, finder)
    return [Found(Path(photo), *one) for photo, *one in zip(photos, images, nearest, strict=True)]


def nearest_to(gallery: Gallery, images: np.ndarray, count: int, finder: Finder | None = None) -> list[list[Neighbour]]:
    """The same for images that ``gallery.encoder.read`` has given, uint8 [N, H, W, 3]."""
    queries, count = gallery.encoder.embed_images(images), min(count, len(gallery))
    places, similarity = finder(queries, count) if finder else exactly_nearest(gallery.features, queries, count)
    return [
        [
            _neighbour(gallery, rank, place, cosine)
            for rank, (place, cosine) in enumerate(zip(*of_one, strict=True), start=1)
            if place >= 0  # -1 where an index found fewer
        ]
        for of_one in zip(places.tolist(), similarity.tolist(), strict=True)
    ]


def exactly_nearest(features: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """int64 [M, count] and float32 [M, count]: rows of the features nearest to each query, and their cosines."""
    places, similarity = gallery_neighbours(torch.from_numpy(queries), torch.from_numpy(features), count)
    return places.numpy(), similarity.numpy()


def _neighbour(gallery: Gallery, rank: int, place: int, similarity: float) -> Neighbour:
    labels = gallery.labels
    fine_name = None if labels.fine_name is None else str(labels.fine_name[place])
    return Neighbour(rank, similarity, place, str(labels.coarse_name[place]), fine_name, str(labels.source[place]))


def as_table(found: Found) -> str:
    """For a terminal: a row a neighbour."""
    columns = {"fine class": "fine_name", "coarse class": "coarse_name", "image": "source"}
    if found.nearest[0].fine_name is None:
        del columns["fine class"]
    rows = [
        [one.rank, f"{one.similarity:.3f}", *(show(getattr(one, column)) for column in columns.values())]
        for one in found.nearest
    ]
    return tabulate(rows, headers=["rank", "cosine", *columns], disable_numparse=True, colalign=("right", "right"))


def as_json(found: Found) -> dict[str, Any]:
    """For other programs; ``fine`` is null without fine labels."""
    return {"photo": str(found.photo), "nearest": [neighbour_as_json(one) for one in found.nearest]}


def neighbour_as_json(one: Neighbour) -> dict[str, Any]:
    return {
        "rank": one.rank,
        "cosine": round(one.similarity, 6),
        "coarse": one.coarse_name,
        "fine": one.fine_name,
        "image": one.source,
        "place": one.place,
    }

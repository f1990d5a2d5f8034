"""The images of a gallery that are nearest to a photo.

found = search(gallery, ["cat.jpg"], count=10)
found[0].nearest[0].cosine, found[0].nearest[0].fine
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tabulate import tabulate

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours
from maskcon.explore.gallery import Gallery
from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import show

# queries float32 [M, F] and a count -> places int64 [M, count], -1 where there are fewer, and cosines float32
Finder = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


class Neighbour(NamedTuple):
    """An image of the gallery, in the words of the JSON that programs read."""

    rank: int  # from 1
    cosine: float
    coarse: str
    fine: str | None  # without fine labels None
    image: str
    place: int  # its row in the gallery


@dataclass(frozen=True)
class Found:
    """What is nearest to one photo."""

    photo: Path
    pixels: np.ndarray  # uint8 [H, W, 3], the photo as the encoder was given it
    nearest: list[Neighbour]


def search(gallery: Gallery, photos: Sequence[Path], count: int, finder: Finder | None = None) -> list[Found]:
    """The ``count`` nearest images of the gallery to each photo, all of them where it has fewer.

    Args:
        finder: what finds them, such as ``nearest`` of an index; by default all cosines are compared.

    Raises:
        UserError: photos that cannot be read, all of them named.
    """
    images = gallery.encoder.read(photos)
    nearest = nearest_to(gallery, images, count, finder)
    return [Found(Path(photo), *one) for photo, *one in zip(photos, images, nearest, strict=True)]


def nearest_to(gallery: Gallery, images: np.ndarray, count: int, finder: Finder | None = None) -> list[list[Neighbour]]:
    """The same for images that ``gallery.encoder.read`` has given, uint8 [N, H, W, 3]."""
    queries, count = gallery.encoder.embed_images(images), min(count, len(gallery))
    if finder:
        places, cosines = finder(queries, count)
    else:
        places, cosines = gallery_neighbours(torch.from_numpy(queries), torch.from_numpy(gallery.features), count)
    return [
        [_neighbour(gallery, rank, *one) for rank, one in enumerate(zip(*row, strict=True), 1) if one[0] >= 0]
        for row in zip(places.tolist(), cosines.tolist(), strict=True)
    ]


def search_own(gallery: Gallery, place: int, count: int) -> Found:
    """What is nearest to image ``place`` of the gallery itself, which is left out.

    Raises:
        UserError: the gallery has no such image, or no images here.
    """
    if gallery.images is None or not 0 <= place < len(gallery):
        have = "no images here" if gallery.images is None else f"images 0 to {len(gallery) - 1}"
        raise UserError(f"--from test:{place}: {gallery.name} has {have}; name another image, or a photo's file")
    [nearest] = nearest_to(gallery, gallery.images[[place]], count + 1)
    others = [near for near in nearest if near.place != place][:count]
    photo = Path(str(gallery.labels.source[place]))
    return Found(photo, gallery.images[place], [near._replace(rank=rank) for rank, near in enumerate(others, 1)])


def _neighbour(gallery: Gallery, rank: int, place: int, cosine: float) -> Neighbour:
    labels = gallery.labels
    fine = None if labels.fine_name is None else str(labels.fine_name[place])
    return Neighbour(rank, round(cosine, 6), str(labels.coarse_name[place]), fine, str(labels.source[place]), place)


def as_table(found: Found, right: Callable[[Neighbour], int | None]) -> str:
    """For a terminal: one row per neighbour; ``right`` counts as a Confidence does."""
    columns = {"fine class": "fine", "coarse class": "coarse", "image": "image"}
    if found.nearest[0].fine is None:
        del columns["fine class"]
    rows = [
        [one.rank, f"{one.cosine:.3f}", right(one), *(show(getattr(one, column)) for column in columns.values())]
        for one in found.nearest
    ]
    headers = ["rank", "cosine", "right", *columns]
    return tabulate(rows, headers=headers, disable_numparse=True, colalign=("right", "right", "right"))

"""The page: what the program knows of a gallery, as data in one HTML file beside the script that shows it.

    write_page(gallery, Path("exports/gallery.html"), most_images=10_000)

Nothing of what a person named, classes and files, is ever read as markup: it stands in the page as JSON whose <, > and
& are escaped, and the script sets it as text. The page's own policy forbids any script but ours, and any address.
"""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from maskcon.evaluation.retrieval.neighbours import neighbours_by_chunk
from maskcon.explore.gallery import Gallery
from maskcon.explore.gallery_page.confused_pairs import confused_pairs
from maskcon.explore.gallery_page.sprites import make_sprites
from maskcon.figures.embedding_map import images_on_the_map
from maskcon.figures.palette import CLASS_COLOURS, class_palette
from maskcon.figures.tsne import two_dimensional_map
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.randomness import derived_seed, numpy_generator

HERE = Path(__file__).parent
SCRIPTS = ("data.js", "map.js", "hands.js", "page.js")  # joined in this order, as one script
SEED, PERPLEXITY = 1, 30.0  # of what is drawn, and of t-SNE
NEIGHBOURS = 12
MOST_PAIRS = 20
STEPS = 2**16 - 1  # of a coordinate of the map
COSINE_STEPS = 2**15 - 1
CRISP_PIXELS = 40  # an image with no longer side is shown with its pixels as squares
MARKER = re.compile(r"\{\{(\w+)\}\}")


def write_page(gallery: Gallery, path: Path, most_images: int) -> int:
    """Write the page.

    Args:
        most_images: of a larger gallery so many are drawn, and neighbours are looked for among these.

    Returns:
        How many images are on it.

    Raises:
        UserError: the images are not in this folder, or there are too few.
    """
    if gallery.images is None:
        name = gallery.encoder.data.name
        raise UserError(
            f"data/sets/{name}/test in this folder does not hold the images of this gallery, which the page shows; "
            "make it with: dvc repro coarse"
        )
    if len(gallery) < 3:
        raise UserError(f"a gallery of {len(gallery)} images has no map; it should have 3 or more")
    labels = gallery.labels
    generator = numpy_generator(SEED, "gallery images")
    shown = images_on_the_map(labels.coarse, labels.fine, most_images, generator)
    positions = two_dimensional_map(gallery.features[shown], PERPLEXITY, derived_seed(SEED, "t-SNE"))
    write_text(path, assemble(page_data(gallery, shown, positions)))
    return len(shown)


def page_data(gallery: Gallery, shown: np.ndarray, positions: np.ndarray) -> dict[str, Any]:
    """All that the script is given. Numbers of images are places in ``shown``.

    Args:
        shown: int64 [M], rows of the gallery.
        positions: float32 [M, 2], of these on the map.
    """
    labels = gallery.labels
    nearest, cosines = _neighbours(gallery.features[shown])
    coarse_labels, coarse = np.unique(labels.coarse[shown], return_inverse=True)
    fine = None
    if labels.fine is not None:
        fine_labels, fine = np.unique(labels.fine[shown], return_inverse=True)
    finest = coarse if fine is None else fine
    palette = class_palette(labels.coarse, labels.fine).of(shown)
    sprites = make_sprites(gallery.images[shown])
    x, y = _in_steps(positions)
    return {
        "name": gallery.name,
        "images": len(gallery),
        "kind": "coarse class" if fine is None else "fine class",
        "coarse": {"names": _names(coarse_labels, labels.coarse, labels.coarse_name), "of": _packed(coarse, "<u2")},
        "fine": fine
        if fine is None
        else {"names": _names(fine_labels, labels.fine, labels.fine_name), "of": _packed(fine, "<u2")},
        "sources": labels.source[shown].tolist(),
        "x": _packed(x, "<u2"),
        "y": _packed(y, "<u2"),
        "colours": CLASS_COLOURS,
        "colour": _packed(palette.rank % len(CLASS_COLOURS), "<u2"),
        "neighbours": _packed(nearest, "<u2"),
        "cosines": _packed(np.round(cosines * COSINE_STEPS), "<i2"),
        "perImage": nearest.shape[1],
        "pairs": [[*pair] for pair in confused_pairs(finest, nearest[:, 0], MOST_PAIRS)],
        "sprites": {**vars(sprites), "perSheet": sprites.per_sheet},
        "crisp": max(gallery.images.shape[1:3]) <= CRISP_PIXELS,
    }


def assemble(data: dict[str, Any]) -> str:
    """The HTML file: template, style, script and data put together."""
    script = "\n".join(['"use strict"; (() => {', *((HERE / name).read_text() for name in SCRIPTS), "})();"])
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "title": html.escape(data["name"]),
        "policy": f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        "style": (HERE / "page.css").read_text(),
        "data": json_for_a_page(data),
        "script": script,
    }
    return MARKER.sub(lambda marker: parts[marker[1]], (HERE / "page.html").read_text())


def json_for_a_page(value: Any) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _neighbours(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places int64 [M, k] of the images nearest to each, nearest first, and their cosines float32 [M, k]."""
    rows = torch.from_numpy(np.ascontiguousarray(features))
    chunks = [found for _, *found in neighbours_by_chunk(rows, min(NEIGHBOURS, len(rows) - 1))]
    places, cosines = (torch.cat(parts) for parts in zip(*chunks, strict=True))
    return places.numpy(), cosines.clamp(-1, 1).numpy()


def _in_steps(positions: np.ndarray) -> np.ndarray:
    """float [M, 2] -> whole numbers [2, M] from 0 to STEPS; one scale for both, the shorter side in the middle."""
    lowest, highest = positions.min(axis=0), positions.max(axis=0)
    size = max(float((highest - lowest).max()), 1e-9)
    return np.round((0.5 + (positions - (lowest + highest) / 2) / size).T * STEPS)


def _names(wanted: np.ndarray, labels: np.ndarray, names: np.ndarray) -> list[str]:
    """The names of the labels ``wanted``, in that order."""
    numbers, first = np.unique(labels, return_index=True)
    return names[first[np.searchsorted(numbers, wanted)]].tolist()


def _packed(values: np.ndarray, kind: str) -> str:
    """Numbers as base64 text of their bytes, the lowest first."""
    return base64.b64encode(np.ascontiguousarray(values).astype(kind).tobytes()).decode()

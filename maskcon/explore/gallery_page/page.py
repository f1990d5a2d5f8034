"""The page: what the program knows of images, as data in one HTML file beside the script that shows it.

    write_page(pictured, Path("reports/gallery.html"))

Nothing of what a person named, classes and files, is ever read as markup: it stands in the page as JSON whose <, > and
& are escaped, and the script sets it as text. The page's own policy forbids any script but ours, and any address.
"""

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from maskcon.embedding.files import EmbeddedSet
from maskcon.evaluation.retrieval.neighbours import neighbours_by_chunk
from maskcon.explore.gallery_page.confused_pairs import confused_pairs
from maskcon.explore.gallery_page.sprites import make_sprites
from maskcon.figures.palette import CLASS_COLOURS, class_palette
from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import counted
from maskcon.runtime.atomic_files import write_text

HERE = Path(__file__).parent
SCRIPTS = (  # joined in this order, as one script
    *("data.js", "thumbnails.js", "features.js", "view.js", "drawing.js", "names.js"),
    *("lasso.js", "pointer.js", "nearest.js", "keyboard.js", "filters.js", "theme.js", "page.js"),
)
NEIGHBOURS = 12
MOST_PAIRS = 20
STEPS = 2**16 - 1  # of a coordinate of the map
COSINE_STEPS = 2**15 - 1
CRISP_PIXELS = 40  # an image with no longer side is shown with its pixels as squares
MARKER = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Pictured:
    """What a page shows."""

    name: str
    run: str  # its name and values; empty where they are not known
    labels: EmbeddedSet  # N rows
    images: np.ndarray  # uint8 [N, H, W, 3]
    features: dict[str, np.ndarray]  # float32 [N, F], unit rows, by title; the last is shown first
    shown: np.ndarray  # int64 [M], rows of the images on the page; neighbours are looked for among these
    maps: list[np.ndarray]  # float32 [M, 2] for each kind of features, where these are


def write_page(pictured: Pictured, path: Path) -> None:
    """Raises: UserError, where there are too few images."""
    if len(pictured.labels) < 2:
        raise UserError(f"a gallery of {len(pictured.labels)} images has no map; it should have 2 or more")
    write_text(path, assemble(page_data(pictured)))


def page_data(pictured: Pictured) -> dict[str, Any]:
    """All that the script is given. Numbers of images are places in ``shown``."""
    labels, shown = pictured.labels, pictured.shown
    coarse_labels, coarse = np.unique(labels.coarse[shown], return_inverse=True)
    fine = None
    if labels.fine is not None:
        fine_labels, fine = np.unique(labels.fine[shown], return_inverse=True)
    finest = coarse if fine is None else fine
    palette = class_palette(labels.coarse, labels.fine).of(shown)
    sprites = make_sprites(pictured.images[shown])
    kinds = zip(pictured.features.items(), pictured.maps, strict=True)
    return {
        "name": pictured.name,
        "run": pictured.run,
        "summary": _summary(len(shown), len(labels), len(coarse_labels), None if fine is None else len(fine_labels)),
        "kind": "coarse class" if fine is None else "fine class",
        "coarse": {"names": _names(coarse_labels, labels.coarse, labels.coarse_name), "of": _packed(coarse, "<u2")},
        "fine": fine
        if fine is None
        else {"names": _names(fine_labels, labels.fine, labels.fine_name), "of": _packed(fine, "<u2")},
        "sources": labels.source[shown].tolist(),
        "rows": _packed(shown, "<u4"),
        "colours": CLASS_COLOURS,
        "colour": _packed(palette.rank % len(CLASS_COLOURS), "<u2"),
        "features": [
            _kind_data(title, one[shown], positions, finest, fine is None) for (title, one), positions in kinds
        ],
        "perImage": min(NEIGHBOURS, len(shown) - 1),
        "sprites": {**vars(sprites), "perSheet": sprites.per_sheet},
        "crisp": max(pictured.images.shape[1:3]) <= CRISP_PIXELS,
    }


def _summary(shown: int, images: int, coarse: int, fine: int | None) -> str:
    drawn = f"{shown:,} of {images:,} images, drawn at random; neighbours are among these. "
    classes = counted(coarse, "coarse class")
    if fine is not None:
        classes = f"{counted(fine, 'fine class')} in {classes}"
    start = drawn if shown < images else f"{counted(images, 'image')}, "
    return f"{start}{classes}. Near on the map means alike to the encoder (t-SNE)."


def _kind_data(
    title: str, features: np.ndarray, positions: np.ndarray, finest: np.ndarray, only_coarse: bool
) -> dict[str, Any]:
    """What depends on the features: the map, and what is near what."""
    nearest, cosines = _neighbours(features)
    right = int((finest == finest[nearest[:, 0]]).sum())
    measure = "coarse Recall@1" if only_coarse else "Recall@1"
    x, y = _in_steps(positions)
    return {
        "title": title,
        "recall": f"{measure} {100 * (right / len(finest)):.1f}% ({right:,} of {len(finest):,})",
        "x": _packed(x, "<u2"),
        "y": _packed(y, "<u2"),
        "neighbours": _packed(nearest, "<u2"),
        "cosines": _packed(np.round(cosines * COSINE_STEPS), "<i2"),
        "pairs": [[*pair] for pair in confused_pairs(finest, nearest[:, 0], MOST_PAIRS)],
    }


def assemble(data: dict[str, Any]) -> str:
    """The HTML file: template, style, script and data put together."""
    script = "\n".join(['"use strict"; (async () => {', *((HERE / name).read_text() for name in SCRIPTS), "})();"])
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

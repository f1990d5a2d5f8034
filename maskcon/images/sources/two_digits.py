"""Two-digit numbers: each image a number from 00 to 99, composed of two real scans on a 16 x 24 canvas.

The fine class is the number, the coarse class its tens digit. Train, validation and test are composed from disjoint
scans.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from maskcon.images.reading.digit_scans import (
    Placement,
    Scans,
    disjoint_parts,
    draw,
    drawn_split,
    load_scans,
    save_scans,
)
from maskcon.images.reading.source import Split
from maskcon.parameters.data import ComposedSet
from maskcon.runtime.randomness import numpy_generator

Values = ComposedSet
SHARES = {"train": 0.6, "val": 0.15, "test": 0.25}  # of the scans
NUMBERS = 100
SHIFT = 1.0  # pixels, either way
ROTATION = 0.2  # radians, either way
SCALE = (0.85, 1.15)
CONTRAST = (0.5, 1.0)


def download(root: Path, raw: Path) -> None:
    """The scans come with scikit-learn: nothing is fetched and ``root`` is not looked at."""
    save_scans(raw)


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Compose train, val and test; the same bytes for the same ``data.seed``."""
    scans = load_scans(raw)
    dealt = disjoint_parts(scans.digits, SHARES, numpy_generator(data.seed, "two_digits", "parts"))
    for split, chosen in dealt.items():
        number = getattr(data.images, split)
        yield split, _compose(scans, chosen, number, data, numpy_generator(data.seed, "two_digits", split))


def _compose(scans: Scans, chosen: np.ndarray, number: int, data: Values, generator: np.random.Generator) -> Split:
    """Compose ``number`` images from the scans ``chosen``, every number from 00 to 99 equally often."""
    fine = generator.permutation(np.arange(number) % NUMBERS)
    tens = _scans_showing(fine // 10, scans.digits, chosen, generator)
    units = _scans_showing(fine % 10, scans.digits, chosen, generator)

    contrast = generator.uniform(*CONTRAST, number)  # one an image: both digits were written with one pen
    left = _placement(number, data.height, data.width * 0.25, contrast, generator)
    right = _placement(number, data.height, data.width * 0.75, contrast, generator)
    canvas = np.maximum(
        draw(scans.images[tens], left, data.height, data.width),
        draw(scans.images[units], right, data.height, data.width),
    )
    sources = [f"scans {a} and {b}" for a, b in zip(tens, units, strict=True)]
    return drawn_split(canvas, fine.astype(np.int64), sources)


def _scans_showing(
    wanted: np.ndarray, digits: np.ndarray, chosen: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """For each wanted digit, a random scan of it out of ``chosen``."""
    scan = np.empty(len(wanted), np.int64)
    for digit in range(10):
        places = np.flatnonzero(wanted == digit)
        candidates = chosen[digits[chosen] == digit]
        scan[places] = candidates[generator.integers(len(candidates), size=len(places))]
    return scan


def _placement(
    number: int, height: int, centre_x: float, contrast: np.ndarray, generator: np.random.Generator
) -> Placement:
    return Placement(
        centre_y=(height - 1) / 2 + generator.uniform(-SHIFT, SHIFT, number),
        centre_x=centre_x - 0.5 + generator.uniform(-SHIFT, SHIFT, number),
        rotation=generator.uniform(-ROTATION, ROTATION, number),
        scale=generator.uniform(*SCALE, number),
        contrast=contrast,
    )

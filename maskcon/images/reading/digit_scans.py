"""The 1,797 scans of handwritten digits that scikit-learn ships, and how they are drawn onto a canvas.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository (1998),
its test part, as bundled with scikit-learn.
"""

import hashlib
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from maskcon.images.reading.source import Split
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_atomically

SCAN_SIZE = 8  # pixels
DRAWN_SIZE = 12.0  # pixels: a scan at scale 1 on the canvas
SHA256 = "0b7e9c3202d7bcd255d6a19a238d3743bf5e320ba74812a6679958a017c55382"


@dataclass(frozen=True)
class Scans:
    images: np.ndarray  # uint8 [N, 8, 8], ink is bright
    digits: np.ndarray  # int64 [N]


@dataclass(frozen=True)
class Placement:
    """Where and how scans are drawn; arrays of one length."""

    centre_y: np.ndarray  # canvas pixels
    centre_x: np.ndarray  # canvas pixels
    rotation: np.ndarray  # radians
    scale: np.ndarray
    contrast: np.ndarray  # 1 keeps the scan's brightness


def save_scans(folder: Path) -> None:
    """Copy scikit-learn's scans into ``folder``/scans.npz.

    Raises:
        UserError: the installed scikit-learn ships other scans than the ones every figure here was measured on.
    """
    from sklearn.datasets import load_digits  # here, since importing scikit-learn takes a second

    bundled = load_digits()
    images = np.round(bundled.images * (255 / 16)).astype(np.uint8)  # bundled: 0 to 16
    digits = bundled.target.astype(np.int64)
    digest = hashlib.sha256(images.tobytes() + digits.tobytes()).hexdigest()
    if digest != SHA256:
        raise UserError(
            f"scikit-learn's load_digits has checksum {digest[:12]}, expected {SHA256[:12]}; "
            "install the versions of requirements.txt"
        )
    write_atomically(folder / "scans.npz", lambda file: np.savez(file, images=images, digits=digits))


def load_scans(folder: Path) -> Scans:
    """Read what ``save_scans`` wrote.

    Raises:
        UserError: it is missing or damaged.
    """
    path = folder / "scans.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return Scans(file["images"], file["digits"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path} cannot be read ({error}); make it again with: dvc repro -f download") from None


def disjoint_parts(
    digits: np.ndarray, shares: dict[str, float], generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """Deal scans out to parts so that none is in two: for each digit, a share of its scans to each part.

    Args:
        digits: int64 [N].
        shares: part -> share of the scans; they sum to 1.

    Returns:
        Split -> indices of its scans, int64.
    """
    dealt: dict[str, list[np.ndarray]] = {part: [] for part in shares}
    ends = np.cumsum(list(shares.values()))
    for digit in np.unique(digits):
        scans = generator.permutation(np.flatnonzero(digits == digit))
        cuts = np.round(ends[:-1] * len(scans)).astype(int)
        for part, chosen in zip(shares, np.split(scans, cuts), strict=True):
            dealt[part].append(chosen)
    return {part: np.concatenate(chosen) for part, chosen in dealt.items()}


def evenly_mixed(digits: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """An order of all scans, otherwise random, of which any stretch shows every digit about equally often.

    Args:
        digits: int64 [N].

    Returns:
        Indices, int64 [N].
    """
    shuffled = generator.permutation(len(digits))
    place = np.empty(len(digits))  # in the order, from 0 to 1
    for digit in np.unique(digits):
        scans = shuffled[digits[shuffled] == digit]
        place[scans] = (np.arange(len(scans)) + 0.5) / len(scans)
    return np.argsort(place, kind="stable")


def draw(scans: np.ndarray, placement: Placement, height: int, width: int) -> np.ndarray:
    """Draw each scan on a black canvas of its own, by bilinear interpolation.

    Only additions and multiplications touch the pixels, and sine and cosine are rounded to 12 digits first, so that the
    result is the same bytes on every machine.

    Args:
        scans: uint8 [N, 8, 8].

    Returns:
        float64 [N, height, width] in [0, 255].
    """
    number = len(scans)
    cosine = np.array([round(math.cos(angle), 12) for angle in placement.rotation])
    sine = np.array([round(math.sin(angle), 12) for angle in placement.rotation])
    pixels_per_canvas_pixel = SCAN_SIZE / (DRAWN_SIZE * placement.scale)

    y = np.arange(height)[None, :, None] - placement.centre_y[:, None, None]  # [N, H, 1]
    x = np.arange(width)[None, None, :] - placement.centre_x[:, None, None]  # [N, 1, W]
    turn_cosine = (cosine * pixels_per_canvas_pixel)[:, None, None]
    turn_sine = (sine * pixels_per_canvas_pixel)[:, None, None]
    middle = (SCAN_SIZE - 1) / 2
    scan_y = turn_cosine * y - turn_sine * x + middle + 1  # + 1: the scan is padded by a black border
    scan_x = turn_sine * y + turn_cosine * x + middle + 1

    padded = np.pad(scans, ((0, 0), (1, 2), (1, 2))).astype(np.float64)
    scan_y = np.clip(scan_y, 0, SCAN_SIZE + 1)
    scan_x = np.clip(scan_x, 0, SCAN_SIZE + 1)
    top = np.floor(scan_y).astype(int)
    left = np.floor(scan_x).astype(int)
    down, right = scan_y - top, scan_x - left
    row = np.arange(number)[:, None, None]
    upper = padded[row, top, left] * (1 - right) + padded[row, top, left + 1] * right
    lower = padded[row, top + 1, left] * (1 - right) + padded[row, top + 1, left + 1] * right
    return (upper * (1 - down) + lower * down) * placement.contrast[:, None, None]


def drawn_split(grey: np.ndarray, fine: np.ndarray, sources: list[str]) -> Split:
    """The split of images float64 [N, H, W] in [0, 255], their fine classes int64 [N] and what each was made from."""
    _, height, width = grey.shape
    labels = pd.DataFrame({"fine": fine, "source": sources, "width": width, "height": height})
    pixels = np.round(grey).astype(np.uint8)
    return Split(labels, [np.repeat(pixels[..., None], 3, axis=-1)])

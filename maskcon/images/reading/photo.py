"""One photo, of any format that Pillow reads, as the pixels that are packed.

photo = read_photo(Path("cat.jpg"), 256, 256)     # photo.pixels: uint8 [256, 256, 3]; photo.width: its own
"""

import functools
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

MOST_PIXELS = 64_000_000  # decoded at once: about 450 MB with the copies made on the way
DRAFT = 2  # a JPEG is decoded at a fraction of its size that is still so many times the size asked for
DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")  # grey with more than 8 bits
RUNS_PROGRAMS = "EPS"  # drawn by Ghostscript, which executes what the file says
ORIENTATION = 0x0112  # EXIF tag: which of the eight ways of holding a camera
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
LYING = (5, 6, 7, 8)  # orientations in which width and height are exchanged


class BadPhoto(Exception):
    """A photo that cannot be read; says why in a few words."""


@dataclass(frozen=True)
class Photo:
    pixels: np.ndarray  # uint8 [H, W, 3], at the size asked for
    width: int  # the photo's own, upright, in pixels
    height: int


def read_photo(file: Path | IO[bytes], height: int, width: int) -> Photo:
    """Read a photo upright, in colour, resized to ``height`` x ``width`` whatever its own shape.

    Grey becomes three equal channels, more than 8 bits become 8, what is transparent lies on white, CMYK and the like
    are converted without a profile, and of several frames the first counts.

    Raises:
        BadPhoto: it is empty, damaged, no image, or has more pixels than can be decoded at once.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; and of many pixels, which are bounded here
            with Image.open(file, formats=_formats()) as image:
                return _read(image, height, width)
    except BadPhoto:
        raise
    except Exception as error:  # Pillow's readers raise nearly everything on damaged files
        raise BadPhoto(_reason(file, error)) from error


def photo_suffixes() -> frozenset[str]:
    """How the names of photos end, such as ".jpg"."""
    formats = _formats()
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in formats)


@functools.cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(kind for kind in Image.OPEN if kind != RUNS_PROGRAMS)


def _read(image: Image.Image, height: int, width: int) -> Photo:
    own_width, own_height = image.size
    orientation = _orientation(image)
    if orientation in LYING:
        own_width, own_height = own_height, own_width
        height, width = width, height
    image.draft(None, (DRAFT * width, DRAFT * height))  # changes JPEGs alone
    if image.width * image.height > MOST_PIXELS:
        raise BadPhoto(f"{own_width} x {own_height} pixels are more than can be decoded; make it smaller")
    pixels = _in_colour(image)
    if pixels.size != (width, height):
        pixels = pixels.resize((width, height), Image.Resampling.LANCZOS)
    if orientation in UPRIGHT:
        pixels = pixels.transpose(UPRIGHT[orientation])
    return Photo(np.asarray(pixels), own_width, own_height)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged metadata: the picture may be whole
        return 1


def _in_colour(image: Image.Image) -> Image.Image:
    if image.mode in DEEP_MODES:
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _eight_bits(grey: np.ndarray) -> np.ndarray:
    """Grey values of any type as uint8: full scale is taken to be 1, 255 or 65535, the first that holds them all."""
    largest = grey.max(initial=0)
    if grey.dtype.kind == "f" and not np.isfinite(largest):
        raise BadPhoto("has pixels that are no numbers")
    if grey.dtype.kind == "f" and largest <= 1:
        full = 1
    elif grey.dtype.itemsize > 2 and largest <= 255:
        full = 255
    else:
        full = 65535
    return np.round(np.clip(grey.astype(np.float32) / full, 0, 1) * 255).astype(np.uint8)


def _reason(file: Path | IO[bytes], error: Exception) -> str:
    if isinstance(file, str | os.PathLike):
        try:
            if os.path.getsize(file) == 0:
                return "is empty"
        except OSError as fault:
            return fault.strerror or "cannot be read"
    if isinstance(error, UnidentifiedImageError):
        return "is no image of a known format"
    if isinstance(error, Image.DecompressionBombError):
        return "has more pixels than can be decoded; make it smaller"
    text = " ".join(str(error).split())
    return f"is damaged ({text or type(error).__name__})"

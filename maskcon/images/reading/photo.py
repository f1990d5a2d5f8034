"""One photo, of any format that Pillow reads, as the pixels that are packed.

photo = read_photo(Path("cat.jpg"), 256, 256)     # photo.pixels: uint8 [256, 256, 3]; photo.width: its own
"""

import functools
import stat
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


def read_photo(file: Path | str | IO[bytes], height: int, width: int) -> Photo:
    """Read a photo upright, in colour, resized to ``height`` x ``width`` whatever its own shape.

    Grey becomes three equal channels, more than 8 bits become 8, what is transparent lies on white, CMYK and the like
    are converted without a profile, and of several frames the first counts.

    Raises:
        BadPhoto: it is empty, damaged, not a file, not an image, or has more pixels than can be decoded at once.
    """
    try:
        if isinstance(file, Path):
            _require_file(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; and of many pixels, which are bounded here
            with Image.open(file, formats=_formats()) as image:
                return _read(image, height, width)
    except BadPhoto:
        raise
    except UnidentifiedImageError:
        raise BadPhoto("is not an image of a known format") from None
    except Image.DecompressionBombError:
        raise BadPhoto("has more pixels than can be decoded; make it smaller") from None
    except Exception as error:  # Pillow's readers raise nearly everything on damaged files
        if isinstance(error, OSError) and error.errno:
            raise BadPhoto(f"cannot be read ({error.strerror})") from error
        raise BadPhoto(f"is damaged ({' '.join(str(error).split()) or type(error).__name__})") from error


def _require_file(path: Path) -> None:
    """A pipe would be waited for without end."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise BadPhoto("is not a file")
    if state.st_size == 0:
        raise BadPhoto("is empty")


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
    longest = DRAFT * max(height, width)
    image.draft(None, (longest, longest))  # changes JPEGs alone
    if image.width * image.height > MOST_PIXELS:
        raise BadPhoto(f"{own_width} x {own_height} pixels are more than can be decoded; make it smaller")
    image.load()  # before the orientation, whose reader decodes a PNG and whose errors are passed over
    orientation = _orientation(image)
    if orientation in LYING:
        own_width, own_height = own_height, own_width
        height, width = width, height
    pixels = _in_colour(image)
    if pixels.size != (width, height):
        pixels = pixels.resize((width, height), Image.Resampling.LANCZOS)
    if orientation in UPRIGHT:
        pixels = pixels.transpose(UPRIGHT[orientation])
    return Photo(np.asarray(pixels), own_width, own_height)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged metadata: the picture itself is whole
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
        raise BadPhoto("has pixels that are not numbers")
    if grey.dtype.kind == "f" and largest <= 1:
        full = 1
    elif grey.dtype.itemsize > 2 and largest <= 255:
        full = 255
    else:
        full = 65535
    return np.round(np.clip(grey.astype(np.float32) / full, 0, 1) * 255).astype(np.uint8)

"""Many small images in a few sheets, as text that a page can hold.

    sprites = make_sprites(images)
    sprites.sheets[0]            # "data:image/webp;base64,..."

Ten thousand files would be slow to open one by one; a sheet is decoded at once and drawn from in pieces.
"""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

SHEET = 2048  # pixels on a side
MOST_PIXELS = 20_000_000  # of all images together: 44 x 44 each for 10,000
LARGEST_SIDE = 128  # pixels
LOSSLESS_PIXELS = 2_000_000  # up to here no pixel changes
QUALITIES = (88, 80, 70, 60, 45, 30)  # of WebP: the first whose sheets fit is taken
MOST_BYTES = 11_500_000  # before they become text, which is a third longer


@dataclass(frozen=True)
class Sprites:
    """Image number n lies on sheet n // per_sheet, row by row."""

    width: int  # pixels of one image
    height: int
    columns: int  # images in a row of a sheet
    per_sheet: int
    sheets: list[str]  # data URIs


def make_sprites(images: np.ndarray, most_bytes: int = MOST_BYTES) -> Sprites:
    """Sheets of images, uint8 [N, H, W, 3], made smaller where there are many."""
    height, width = _size(*images.shape[:3])
    columns, rows = SHEET // width, SHEET // height
    per_sheet = columns * rows
    pictures = [
        _sheet(images[start : start + per_sheet], height, width, columns) for start in range(0, len(images), per_sheet)
    ]
    for encoded in _encodings(pictures, lossless=len(images) * height * width <= LOSSLESS_PIXELS):
        if sum(map(len, encoded)) <= most_bytes:
            break
    uris = [f"data:image/webp;base64,{base64.b64encode(sheet).decode()}" for sheet in encoded]
    return Sprites(width, height, columns, per_sheet, uris)


def _size(number: int, height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, LARGEST_SIDE / max(height, width), (MOST_PIXELS / (number * height * width)) ** 0.5)
    return max(1, int(height * scale)), max(1, int(width * scale))


def _sheet(images: np.ndarray, height: int, width: int, columns: int) -> Image.Image:
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (width * min(columns, len(images)), height * rows))
    for number, pixels in enumerate(images):
        image = Image.fromarray(np.asarray(pixels))
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.LANCZOS)
        row, column = divmod(number, columns)
        sheet.paste(image, (column * width, row * height))
    return sheet


def _encodings(pictures: list[Image.Image], lossless: bool) -> Iterator[list[bytes]]:
    """The sheets as WebP files, smaller from one yield to the next."""
    if lossless:
        yield [_webp(picture, lossless=True) for picture in pictures]
    for quality in QUALITIES:
        yield [_webp(picture, quality=quality) for picture in pictures]


def _webp(picture: Image.Image, **options: bool | int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "webp", method=2, **options)
    return file.getvalue()

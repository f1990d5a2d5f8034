"""Photos as they come from cameras, transfers and attackers: each becomes pixels, or is named with a reason.

Cases tried, which docs/reliability.md counts: every file of CORPUS, and every format cut off and changed by one bit at
DAMAGES places.
"""

import io
import resource
import struct
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, features

from maskcon.images.reading.photo import BadPhoto, read_photo

DAMAGES = 40  # places in each format
FORMATS = ["jpeg", "png", "gif", "webp", "tiff", "bmp", "ppm", "tga", "jpeg2000", "avif", "ico", "qoi"]
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(PIXELS).convert(mode)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def png_bomb(width: int, height: int) -> bytes:
    """A small file that unpacks to width x height pixels of black."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    return png(width, height, chunk(b"IDAT", rows))


def jpeg_that_claims(width: int, height: int) -> bytes:
    content = saved(picture(), "jpeg")
    place = content.index(b"\xff\xc0") + 5  # in the frame's header
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


def bmp_that_claims(width: int, height: int) -> bytes:
    content = bytearray(saved(picture(), "bmp"))
    content[18:26] = struct.pack("<ii", width, height)
    return bytes(content)


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (20, 10), (0, 0, shade)) for shade in (250, 120, 10)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:])


# Name of the file -> what makes its bytes, and whether it is to be read. The name's ending is never what decides.
CORPUS: dict[str, tuple[Callable[[], bytes], bool]] = {
    "text.jpg": (lambda: b"not a picture\n" * 100, False),
    "page.jpg": (lambda: b"<!DOCTYPE html><html><title>404</title></html>", False),
    "program.jpg": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(touch ran) system\n", False),
    "jpeg_named_as.png": (lambda: saved(picture(), "jpeg"), True),
    "bomb_in_text.png": (lambda: png(8, 8, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000), 9))), False),
    "bomb_in_profile.png": (
        lambda: png(8, 8, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(200_000_000), 9)), chunk(b"IDAT", b"")),
        False,
    ),
    "no_pixels.png": (lambda: png(8, 8), False),
    "endless.png": (lambda: png(2**31 - 1, 2**31 - 1, chunk(b"IDAT", zlib.compress(b""))), False),
    "endless.bmp": (lambda: bmp_that_claims(2**30, 2**30), False),
    "negative.bmp": (lambda: bmp_that_claims(-30, 40), False),
    "one_row.png": (lambda: saved(Image.new("L", (20_000, 1), 7), "png"), True),
    "20000_by_8000.jpg": (lambda: saved(Image.new("L", (20_000, 8000), 7), "jpeg"), True),  # decoded at an eighth
    "20000_squared.jpg": (lambda: jpeg_that_claims(20_000, 20_000), False),
    "bomb_20000_squared.png": (lambda: png_bomb(20_000, 20_000), False),  # 400 million pixels, at once
    "lab.tiff": (lambda: saved(picture("LAB"), "tiff"), True),
    "ycbcr.tiff": (lambda: saved(picture("YCbCr"), "tiff", compression="jpeg"), True),
    "colour_and_alpha.webp": (lambda: saved(picture("RGBA"), "webp"), True),
    "animated.gif": (lambda: animated("gif"), True),
    "pages.tiff": (lambda: animated("tiff"), True),
    "with_more_behind.jpg": (lambda: saved(picture(), "jpeg") + b"<?php" * 100, True),
    "odd_profile.jpg": (lambda: saved(picture(), "jpeg", icc_profile=b"no profile" * 10), True),
}


def read_or_refused(content: bytes) -> bool:
    """Whether it was read, at the size asked for. Any exception but a BadPhoto fails the test."""
    said = ""
    try:
        photo = read_photo(io.BytesIO(content), 12, 16)
        assert photo.pixels.shape == (12, 16, 3)
        assert photo.pixels.dtype == np.uint8
        assert photo.width > 0
        assert photo.height > 0
    except BadPhoto as fault:
        said = str(fault)
    assert "\n" not in said
    return not said


@pytest.mark.fault
@pytest.mark.parametrize("name", CORPUS)
def test_odd_photos(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    make, readable = CORPUS[name]
    content = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_or_refused(content) == readable
    assert list(tmp_path.iterdir()) == []  # a photo runs nothing
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 600_000, f"{name} took {grown / 1000:,.0f} MB of memory"


def decoded(content: bytes) -> bool:
    """Whether Pillow itself decodes all pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.open(io.BytesIO(content)).load()
    except Exception:  # as read_photo: nearly everything
        return False
    return True


@pytest.mark.fault
@pytest.mark.parametrize("kind", FORMATS)
def test_whatever_the_decoder_reports_is_reported(kind):
    """Of files that are cut off, and of files with one wrong bit, which PNG alone always tells by its checksums."""
    if kind == "avif" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    content = saved(picture(), kind)
    assert read_or_refused(content)
    draw = np.random.default_rng(len(content))
    refused = 0
    for place in np.linspace(0, len(content) - 1, DAMAGES).astype(int):
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << draw.integers(8)
        for damaged in (content[:place], bytes(spoilt)):
            was_read = read_or_refused(damaged)
            assert not was_read or decoded(damaged)
            refused += not was_read
    assert refused >= 2 * DAMAGES - 2 if kind == "png" else refused > DAMAGES // 2

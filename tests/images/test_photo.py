import os

import numpy as np
import pytest
from PIL import Image

from maskcon.images.reading.photo import UPRIGHT, BadPhoto, photo_suffixes, read_photo

COLOURS = np.array([[[250, 10, 20], [10, 200, 30]], [[20, 30, 240], [240, 230, 10]], [[0, 0, 0], [255, 255, 255]]])
SQUARES = np.kron(COLOURS, np.ones((8, 8, 1))).astype(np.uint8)  # 24 x 16: six squares, all different


def picture(mode="RGB"):
    return Image.fromarray(SQUARES).convert(mode)


def middles(pixels):
    """The pixel in the middle of each of the six squares."""
    height, width = pixels.shape[:2]
    return pixels[height // 6 :: height // 3, width // 4 :: width // 2].astype(int)


LOSSLESS = {"png": {}, "bmp": {}, "tiff": {}, "webp": {"lossless": True}, "ppm": {}, "tga": {}, "jp2": {}, "qoi": {}}
LOSSY = {"jpeg": {"quality": 95, "subsampling": 0}, "gif": {}, "avif": {"quality": 95}}


@pytest.mark.parametrize("suffix", LOSSLESS | LOSSY)
def test_formats(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    picture().save(path, **(LOSSLESS | LOSSY)[suffix])
    assert f".{suffix}" in photo_suffixes()
    photo = read_photo(path, 24, 16)
    assert (photo.width, photo.height) == (16, 24)
    assert photo.pixels.shape == (24, 16, 3)
    assert photo.pixels.dtype == np.uint8
    if suffix in LOSSLESS:
        assert (photo.pixels == SQUARES).all()
    else:
        assert abs(middles(photo.pixels) - COLOURS).max() <= 12


GREY = np.arange(24 * 16).reshape(24, 16)
DEEP = {
    "1 bit": ("png", Image.fromarray(GREY % 2 == 1), GREY % 2 * 255),
    "8 bits": ("png", Image.fromarray((GREY % 256).astype(np.uint8)), GREY % 256),
    "16 bits": ("png", Image.fromarray((GREY * 170).astype(np.uint16)), np.round(GREY * 170 / 257)),
    "16 bits, big-endian": ("tiff", Image.fromarray((GREY * 170).astype(">u2")), np.round(GREY * 170 / 257)),
    "32 bits": ("tiff", Image.fromarray((GREY * 170).astype(np.int32)), np.round(GREY * 170 / 257)),
    "32 bits up to 255": ("tiff", Image.fromarray((GREY % 256).astype(np.int32)), GREY % 256),
    "fractions": ("tiff", Image.fromarray((GREY / 383).astype(np.float32)), np.round(GREY / 383 * 255)),
}


def test_grey_of_every_depth(tmp_path):
    for depth, (suffix, image, expected) in DEEP.items():
        image.save(tmp_path / f"grey.{suffix}")
        pixels = read_photo(tmp_path / f"grey.{suffix}", 24, 16).pixels.astype(int)
        assert abs(pixels - expected[..., None]).max() <= (1 if depth == "fractions" else 0), depth


def test_what_is_transparent_lies_on_white(tmp_path):
    for alpha, expected in {255: (10, 20, 30), 0: (255, 255, 255), 51: (206, 208, 210)}.items():
        Image.new("RGBA", (4, 4), (10, 20, 30, alpha)).save(tmp_path / "alpha.png")
        assert (read_photo(tmp_path / "alpha.png", 4, 4).pixels == expected).all()
    image = picture().quantize(6)
    clear = image.getpixel((4, 4))
    image.save(tmp_path / "palette.gif", transparency=clear)
    pixels = middles(read_photo(tmp_path / "palette.gif", 24, 16).pixels)
    assert (pixels[0, 0] == 255).all()
    assert abs(pixels[1] - COLOURS[1]).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_held_any_way_it_is_read_upright(tmp_path, orientation, suffix):
    """A camera stores what, turned back by the tag, is the scene."""
    undo = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = picture()
    if orientation in UPRIGHT:
        stored = stored.transpose(undo.get(orientation, UPRIGHT[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"held.{suffix}", exif=exif, quality=95)
    for height, width in [(24, 16), (12, 30)]:
        photo = read_photo(tmp_path / f"held.{suffix}", height, width)
        assert (photo.width, photo.height) == (16, 24)
        assert photo.pixels.shape == (height, width, 3)
        assert abs(middles(photo.pixels) - COLOURS).max() <= 40


def test_a_large_photo_is_read_at_a_fraction_of_its_size(tmp_path):
    generator = np.random.default_rng(0)
    smooth = Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((1600, 1200), Image.BICUBIC)
    smooth.save(tmp_path / "large.jpg", quality=95)
    photo = read_photo(tmp_path / "large.jpg", 64, 64)
    assert (photo.width, photo.height) == (1600, 1200)
    exact = np.asarray(smooth.resize((64, 64), Image.LANCZOS)).astype(int)
    assert abs(photo.pixels - exact).max() <= 8


@pytest.mark.fault
def test_what_is_not_a_photo_is_said_in_a_few_words(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "round.png").symlink_to("round.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "page.png").write_text("<html></html>")
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "numbers.tiff")
    for name, reason in {
        "pipe.png": "is not a file",
        "round.png": "cannot be read (Too many levels of symbolic links)",
        "folder.png": "is not a file",
        "gone.png": "cannot be read (No such file or directory)",
        "empty.png": "is empty",
        "page.png": "is not an image of a known format",
        "numbers.tiff": "has pixels that are not numbers",
    }.items():
        with pytest.raises(BadPhoto) as raised:
            read_photo(tmp_path / name, 8, 8)
        assert str(raised.value) == reason

import numpy as np
import pytest
from PIL import Image

from maskcon.explore.found_images import FoundRow, draw_found_images


def row(count, height=16, width=24, name="photo.png"):
    generator = np.random.default_rng(count)
    images = generator.integers(0, 255, (count + 1, height, width, 3), dtype=np.uint8)
    return FoundRow(images[0], name, list(images[1:]), [f"$class {i}$" for i in range(count)], [0.5] * count)


@pytest.mark.parametrize("counts", [(1,), (10, 10), (25,)])
def test_draws_any_number(tmp_path, counts):
    draw_found_images(
        [row(count, name="a very long name of a photo $x^2$.png") for count in counts], tmp_path / "a.png"
    )
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size[1] > 60 * sum(-(-count // 10) for count in counts)


def test_the_same_picture_has_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        draw_found_images([row(3, height=20, width=12)], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()

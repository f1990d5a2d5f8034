from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcon.explore.found_images import draw_found_images
from maskcon.explore.search import Found, Neighbour

IMAGES = np.random.default_rng(0).integers(0, 255, (25, 16, 24, 3), dtype=np.uint8)


def found(count):
    nearest = [Neighbour(place + 1, 0.5, "coarse", f"$class {place}$", "image", place) for place in range(count)]
    return Found(Path("a very long name of a photo $x^2$.png"), IMAGES[0], nearest)


@pytest.mark.parametrize("counts", [(1,), (10, 25)])
def test_any_number_is_drawn_with_the_same_bytes_again(tmp_path, counts):
    for name in ("a.png", "b.png"):
        draw_found_images([found(count) for count in counts], IMAGES, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size[1] > 60 * sum(-(-count // 10) for count in counts)

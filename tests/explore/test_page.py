import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from maskcon.explore.gallery_page.confused_pairs import confused_pairs
from maskcon.explore.gallery_page.page import assemble, page_data, write_page
from maskcon.explore.gallery_page.sprites import make_sprites
from maskcon.parameters.errors import UserError
from tests.explore.made_up_gallery import made_up_gallery


def test_confused_pairs_counted_one_by_one():
    generator = np.random.default_rng(0)
    labels, nearest = generator.integers(0, 5, 80), generator.integers(0, 80, 80)
    expected = {}
    for one in range(5):
        for other in range(one + 1, 5):
            confused = sum({labels[i], labels[nearest[i]]} == {one, other} for i in range(80))
            expected[one, other] = (confused, sum(label in (one, other) for label in labels))
    pairs = confused_pairs(labels, nearest, most=100)
    assert {(pair.one, pair.other): (pair.confused, pair.images) for pair in pairs} == {
        pair: counts for pair, counts in expected.items() if counts[0]
    }
    shares = [pair.share for pair in pairs]
    assert shares == sorted(shares, reverse=True)
    assert confused_pairs(labels, nearest, most=3) == pairs[:3]
    assert confused_pairs(labels, np.arange(80), most=3) == []


@pytest.mark.parametrize(("shape", "expected"), [((3, 20, 30), (20, 30)), ((2, 256, 512), (64, 128))])
def test_sprites_hold_every_image_in_its_place(shape, expected):
    import base64
    import io

    from PIL import Image

    colours = np.random.default_rng(0).integers(0, 256, (shape[0], 1, 1, 3), dtype=np.uint8)
    sprites = make_sprites(np.broadcast_to(colours, (*shape, 3)))
    assert (sprites.height, sprites.width) == expected
    [uri] = sprites.sheets
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB"))
    for number, colour in enumerate(colours):
        row, column = divmod(number, sprites.columns)
        top, left = row * sprites.height, column * sprites.width
        assert (sheet[top : top + sprites.height, left : left + sprites.width] == colour[0, 0]).all()


def test_many_images_take_several_sheets_and_no_more_room_than_there_is():
    noise = np.random.default_rng(0).integers(100, 140, (460, 96, 96, 3), dtype=np.uint8)

    def bytes_of(sprites):
        return sum(map(len, sprites.sheets)) * 3 / 4

    free = make_sprites(noise)
    bound = make_sprites(noise, most_bytes=int(0.7 * bytes_of(free)))
    assert bound.per_sheet == (2048 // 96) ** 2 == 441
    assert len(bound.sheets) == 2
    assert bytes_of(bound) < 0.71 * bytes_of(free)


class Elements(HTMLParser):
    """The tags of a page, as a browser would see them."""

    def __init__(self):
        super().__init__()
        self.tags, self.addresses = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]


def test_the_page_has_no_element_but_its_own_and_no_address():
    nasty = assemble(page_data(made_up_gallery()))
    elements = Elements()
    elements.feed(nasty)
    assert elements.tags.count("script") == 2
    assert "img" not in elements.tags
    assert elements.addresses == []
    assert re.findall(r"https?://", nasty) == []


def test_the_data_are_those_of_the_gallery():
    gallery = made_up_gallery(shown=(shown := np.arange(0, 60, 2)))
    text = assemble(page_data(gallery))
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    assert data["sources"] == gallery.labels.source[shown].tolist()
    assert data["summary"].startswith("30 of 60 images, drawn at random; ")
    assert sorted(data["coarse"]["names"]) == sorted(set(gallery.labels.coarse_name))
    assert data["perImage"] == 12
    assert [kind["title"] for kind in data["features"]] == ["untrained", "trained"]


def test_what_is_missing_is_said(tmp_path):
    gallery = made_up_gallery(images=1)
    with pytest.raises(UserError, match="a gallery of 1 images has no map"):
        write_page(gallery, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()

"""Queries, their neighbours, and a page on which they fit."""

import numpy as np
import pytest

from maskcon.figures.drawing import POINTS, TEXT_WIDTH
from maskcon.figures.retrieved_images import (
    HEADER_HEIGHT,
    PAGE_HEIGHT,
    Captions,
    choose_queries,
    draw_retrieved_images,
    for_print,
    lay_out,
    nearest_images,
)


def generator() -> np.random.Generator:
    return np.random.default_rng(1)


def captions(coarse: np.ndarray, fine: np.ndarray, name: str = "{}") -> Captions:
    coarse_name = np.array([f"group {c}" for c in coarse])
    return Captions(coarse_name, np.array([name.format(f) for f in fine]), fine, "fine class")


def test_an_exact_copy_is_the_nearest_and_the_query_is_left_out_by_its_position():
    features = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8]], dtype=np.float32)
    first, third = nearest_images(features, np.array([0, 2]), 3)
    assert first.neighbours.tolist() == [2, 3, 1]
    assert third.neighbours.tolist() == [0, 3, 1]
    assert [one.neighbours.tolist() for one in nearest_images(features, np.array([0, 2]), 10)] == [[2, 3, 1], [0, 3, 1]]


def test_queries_of_each_coarse_class_are_of_different_fine_classes():
    fine = np.arange(400) % 20
    coarse = fine // 5
    queries = choose_queries(coarse, fine, per_class=3, most=100, generator=generator())
    assert coarse[queries].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert len(set(fine[queries])) == 12
    assert np.array_equal(queries, choose_queries(coarse, fine, per_class=3, most=100, generator=generator()))


def test_fewer_queries_for_each_before_fewer_classes():
    coarse = np.arange(200) % 10
    assert len(choose_queries(coarse, None, 2, most=13, generator=generator())) == 10
    few = choose_queries(coarse, None, 2, most=4, generator=generator())
    assert len(few) == len(set(coarse[few])) == 4


@pytest.mark.parametrize("size", [(16, 24), (32, 32), (64, 16), (224, 224)])
@pytest.mark.parametrize(("rows", "neighbours"), [(1, 1), (20, 10), (60, 30)])
def test_the_page_holds_the_rows_and_the_columns(size, rows, neighbours):
    images = np.zeros((2, *size, 3), dtype=np.uint8)
    labels = np.array([0, 1])
    for name in ("{}", "a rather long name of a class {}"):
        layout = lay_out(rows, neighbours, images, captions(labels, labels, name))
        assert layout.left(neighbours) + layout.cell_width <= TEXT_WIDTH * POINTS
        assert HEADER_HEIGHT + layout.row_height * layout.most_rows <= PAGE_HEIGHT + 1e-6
        assert layout.most_rows >= 1


def test_small_images_are_enlarged_to_squares_of_their_own_colours():
    pixels = generator().integers(0, 255, (16, 24, 3), dtype=np.uint8)
    large = for_print(pixels)
    times = large.shape[0] // 16
    assert times > 1
    assert large.shape == (16 * times, 24 * times, 3)
    assert np.array_equal(large[times // 2 :: times, times // 2 :: times], pixels)
    assert for_print(np.zeros((224, 448, 3), dtype=np.uint8)).shape == (56, 112, 3)  # photographs are reduced


def test_the_figure_is_the_same_twice_and_shows_what_was_found(tmp_path):
    fine = np.arange(12) % 4
    images = generator().integers(0, 255, (12, 8, 8, 3), dtype=np.uint8)
    features = np.eye(4, dtype=np.float32)[fine]
    names = captions(fine // 2, fine, "$class_{}$ & more")
    retrievals = nearest_images(features, np.array([0, 2]), 4)
    layout = lay_out(2, 4, images, names)
    for name in ("first", "second"):
        draw_retrieved_images(retrievals, images, names, layout, tmp_path / name)
    wrong = Captions(names.coarse_name, names.name, np.arange(12), names.kind)
    draw_retrieved_images(retrievals, images, wrong, layout, tmp_path / "wrong")
    for kind in ("png", "pdf"):
        first = (tmp_path / f"first.{kind}").read_bytes()
        assert first == (tmp_path / f"second.{kind}").read_bytes()
        assert first != (tmp_path / f"wrong.{kind}").read_bytes()


def test_frames_differ_in_grey(tmp_path):
    """Without colour a wrong frame still has gaps, which a right one has not."""
    from PIL import Image

    images = np.full((2, 8, 8, 3), 255, dtype=np.uint8)
    features = np.ones((2, 1), dtype=np.float32)
    solid = {}
    for name, label in (("right", [0, 0]), ("wrong", [0, 1])):
        names = captions(np.array([0, 0]), np.array(label))
        layout = lay_out(1, 1, images, names)
        draw_retrieved_images(nearest_images(features, np.array([0]), 1), images, names, layout, tmp_path / name)
        grey = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
        scale = grey.shape[1] / (TEXT_WIDTH * POINTS)
        x = round(layout.left(1) * scale)
        top = round(HEADER_HEIGHT * scale)
        edge = grey[top + 10 : top + round(layout.image_height * scale) - 10, x - 2 : x + 3].min(axis=1)
        solid[name] = (edge < 160).mean()
    assert solid["right"] == 1
    assert 0.3 < solid["wrong"] < 0.9

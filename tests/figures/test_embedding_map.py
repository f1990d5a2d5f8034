"""Which images are laid out, where names stand, and that the file is written for every kind of set."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from maskcon.figures.embedding_map import (
    MapLabels,
    coarse_classes_separate,
    draw_embedding_map,
    images_on_the_map,
    spread_boxes,
)
from maskcon.figures.palette import class_palette


def generator() -> np.random.Generator:
    return np.random.default_rng(5)


def test_all_images_where_they_fit():
    coarse = np.zeros(20, dtype=int)
    assert images_on_the_map(coarse, coarse, 20, generator()).tolist() == list(range(20))


def test_a_draw_without_repetition_where_they_do_not():
    fine = np.arange(1000) % 10
    shown = images_on_the_map(fine // 5, fine, 200, generator())
    assert len(np.unique(shown)) == 200
    assert (np.diff(shown) > 0).all()
    assert np.array_equal(shown, images_on_the_map(fine // 5, fine, 200, generator()))


def test_with_very_many_fine_classes_whole_ones_are_drawn_from_each_coarse_class():
    fine = np.arange(6000) % 1000
    coarse = fine % 12
    shown = images_on_the_map(coarse, fine, 300, generator())
    classes, counts = np.unique(fine[shown], return_counts=True)
    assert len(shown) == 300
    assert len(classes) <= 60
    assert counts.mean() >= 5
    per_coarse = np.bincount(classes % 12, minlength=12)
    assert per_coarse.max() - per_coarse.min() <= 1


def test_boxes_that_start_in_one_place_end_apart_and_inside():
    sizes = np.tile([60.0, 9.0], (20, 1))
    centres = spread_boxes(np.full((20, 2), 120.0), sizes, side=240)
    for a, b in combinations(centres, 2):
        assert abs(a[0] - b[0]) >= 60 - 1e-3 or abs(a[1] - b[1]) >= 9 - 1e-3
    assert (centres >= sizes / 2 - 1e-9).all()
    assert (centres <= 240 - sizes / 2 + 1e-9).all()


def test_classes_separate_or_not():
    label = np.arange(600) % 3
    noise = generator().normal(size=(600, 2))
    assert not coarse_classes_separate(noise, label)
    assert coarse_classes_separate(noise + 8 * np.array([[0, 0], [1, 0], [0, 1]])[label], label)
    assert coarse_classes_separate(noise, np.zeros(600, dtype=int))


@pytest.mark.parametrize(("fine_classes", "coarse_classes"), [(8, 2), (196, 8), (None, 20)])
def test_every_kind_of_set_is_drawn_the_same_twice(tmp_path, fine_classes, coarse_classes):
    images = 220
    fine = None if fine_classes is None else np.arange(images) % fine_classes
    coarse = np.arange(images) % coarse_classes if fine is None else fine * coarse_classes // fine_classes
    labels = MapLabels(
        coarse=coarse,
        coarse_name=np.array([f"$large_{c}^2$ household goods of every sort" for c in coarse]),
        fine=fine,
        fine_name=None if fine is None else np.array([f"%fine# \\x {f}" for f in fine]),
        palette=class_palette(coarse, fine),
    )
    maps = [generator().normal(size=(images, 2)), generator().normal(size=(images, 2)) + 20 * coarse[:, None]]
    for name in ("first", "second"):
        draw_embedding_map(maps, ["untrained encoder", "trained encoder"], labels, tmp_path / name)
    for kind in ("png", "pdf"):
        first = (tmp_path / f"first.{kind}").read_bytes()
        assert len(first) > 10_000
        assert first == (tmp_path / f"second.{kind}").read_bytes()


@pytest.mark.parametrize("with_fine", [True, False])
def test_very_many_coarse_classes_are_counted_and_not_named(tmp_path, with_fine):
    sizes = {}
    for classes in (5, 400):
        coarse = np.arange(800) % classes
        fine = np.arange(800) if with_fine else None
        text = np.array([f"class {c}" for c in coarse])
        labels = MapLabels(coarse, text, fine, text if with_fine else None, class_palette(coarse, fine))
        maps = [np.stack([coarse, np.arange(800)], axis=1) * 10.0]
        draw_embedding_map(maps, ["trained encoder"], labels, tmp_path / str(classes))
        sizes[classes] = Image.open(tmp_path / f"{classes}.png").size
    assert sizes[400] == sizes[5]  # 400 names would stand on a hundred lines


def test_one_image_alone_and_images_in_one_place(tmp_path):
    for name, images in (("alone", 1), ("together", 5)):
        same = np.zeros(images, dtype=int)
        text = np.full(images, "only")
        labels = MapLabels(same, text, same, text, class_palette(same, same))
        draw_embedding_map([np.zeros((images, 2))] * 2, ["a", "b"], labels, tmp_path / name)
        assert (tmp_path / f"{name}.pdf").stat().st_size > 1000

"""Colours that hold for every eye, and classes that keep theirs."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from maskcon.figures.palette import (
    CLASS_COLOURS,
    COARSE_MARKERS,
    FEATURE_STYLES,
    LABEL_STYLES,
    RIGHT,
    WRONG,
    class_palette,
)

VISIONS = {  # linear RGB to linear RGB, severity 1 (Machado, Oliveira and Fernandes 2009)
    "normal": np.eye(3),
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
TO_OKLAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def oklab(colour: str, vision: str) -> np.ndarray:
    encoded = np.array(to_rgb(colour))
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(VISIONS[vision]) @ linear, 0, 1)
    return np.array(TO_OKLAB) @ np.cbrt(np.array(TO_CONES) @ seen)


@pytest.mark.parametrize("vision", VISIONS)
def test_any_two_class_colours_are_told_apart(vision):
    nearest = min(np.linalg.norm(oklab(a, vision) - oklab(b, vision)) for a, b in combinations(CLASS_COLOURS, 2))
    assert nearest > 0.12  # 0.02 is about the least difference that can be seen


def test_any_two_class_colours_differ_in_grey():
    luminance = [np.dot([0.2126, 0.7152, 0.0722], np.square(to_rgb(colour))) for colour in CLASS_COLOURS]
    lightness = np.sort(np.cbrt(luminance))
    assert np.diff(lightness).min() > 0.03


@pytest.mark.parametrize("styles", [FEATURE_STYLES, LABEL_STYLES])
def test_lines_differ_in_markers_too(styles):
    assert len({style.marker for style in styles.values()}) == len(styles)


@pytest.mark.parametrize("vision", VISIONS)
def test_right_and_wrong_are_told_apart(vision):
    assert np.linalg.norm(oklab(RIGHT, vision) - oklab(WRONG, vision)) > 0.12


def test_few_fine_classes_have_a_colour_each():
    fine = np.arange(8).repeat(3)
    palette = class_palette(fine // 4, fine)
    assert palette.scheme == "fine"
    assert len(set(palette.colour)) == 8
    assert set(zip(palette.marker, fine // 4, strict=True)) == {(COARSE_MARKERS[0], 0), (COARSE_MARKERS[1], 1)}


def test_labels_need_not_begin_at_zero_nor_lie_in_order():
    fine = np.array([905, 17, 905, 300, 42, 42, 1, 2, 3, 4, 5, 6, 7])
    coarse = np.where(fine > 100, 77, 5)
    assert class_palette(coarse, fine).scheme == "within"
    assert class_palette(coarse, fine).rank.tolist() == [1, 7, 1, 0, 8, 8, 0, 1, 2, 3, 4, 5, 6]


def test_without_fine_labels_the_colour_is_the_coarse_class():
    coarse = np.array([0, 1, 2, 1])
    palette = class_palette(coarse, None)
    assert palette.scheme == "coarse"
    assert palette.colour.tolist() == [CLASS_COLOURS[c] for c in coarse]

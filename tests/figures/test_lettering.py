"""Text that fits its place."""

import pytest

from maskcon.figures.lettering import ELLIPSIS, shortened, text_width, wrapped

LONG = "Chevrolet Silverado 1500 Extended Cab 2012"


def test_what_fits_is_left_alone():
    assert shortened("tabby cat", width=200, size=6) == "tabby cat"


@pytest.mark.parametrize("width", [12, 25, 40, 80])
def test_what_does_not_fit_is_the_longest_that_does(width):
    short = shortened(LONG, width, size=6)
    assert text_width(short, 6) <= width
    begin, end = short.split(ELLIPSIS)
    assert LONG.startswith(begin)
    assert LONG.endswith(end)
    letters = len(short) - 1
    longer = LONG[: letters + 2 - (letters + 2) // 3] + ELLIPSIS + LONG[len(LONG) - (letters + 2) // 3 :]
    assert text_width(longer, 6) > width


def test_names_that_differ_at_the_end_still_differ():
    assert shortened("household_furniture_1", 50, 6) != shortened("household_furniture_2", 50, 6)


def test_lines_break_at_spaces_and_fit():
    lines = wrapped(LONG, width=60, size=5, lines=3)
    assert 1 < len(lines) <= 3
    assert all(text_width(line, 5) <= 60 for line in lines)
    assert " ".join(lines) == LONG


def test_lines_break_after_an_underscore():
    assert wrapped("household_furniture", width=45, size=6, lines=2) == ["household_", "furniture"]


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_to_set(text):
    assert wrapped(text, width=40, size=6, lines=2) == []


def test_a_dollar_sign_is_a_letter():
    assert text_width("$x$", 6) > text_width("x", 6)

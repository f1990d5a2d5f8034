"""A curve over data sets that are a series."""

import pytest

from maskcon.experiments.tables.comparison import Question, compare
from maskcon.experiments.tables.curve import draw_curve, numbers_of, spread
from tests.experiments.made_up_runs import made_up

SCORES = {"grafit": {1: 0.40, 2: 0.42}, "maskcon": {1: 0.41, 2: 0.44}}


def tables(*names):
    return {name: compare(made_up(SCORES, dataset=name), "recall_at_1", Question(), {}) for name in names}


def test_a_series_is_drawn_over_its_numbers(tmp_path):
    numbers = numbers_of(tables("photos_4000", "photos_1000", "photos_16000"))
    assert list(numbers) == [1000, 4000, 16000]
    draw_curve(numbers, tmp_path / "curve")
    assert (tmp_path / "curve.png").stat().st_size > 5000


@pytest.mark.parametrize(
    "names", [("photos_1", "photos_2"), ("good", "bad", "digits"), ("good_1", "good_2", "bad_3"), ("a_1", "a_2", "b")]
)
def test_no_series(names):
    assert numbers_of(tables(*names)) == {}


def test_names_are_moved_apart_in_their_order():
    assert spread([5.0, 1.0, 1.2], 1.0) == pytest.approx([5.0, 0.6, 1.6])
    assert spread([0.0, 10.0], 1.0) == [0.0, 10.0]
    assert spread([1.0, 1.0, 1.0], 2.0) == pytest.approx([-1.0, 1.0, 3.0])

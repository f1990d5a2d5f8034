import numpy as np
import pandas as pd
import pytest

from maskcon.images.reading.validation import held_out


def rows(fine):
    return pd.DataFrame({"fine": fine, "path": [f"{place}.jpg" for place in range(len(fine))]})


def generator(seed=0):
    return np.random.default_rng(seed)


FINE = [2, 0, 1, 2, 0, 2, 2, 0, 2, 2, 0, 2, 2, 2, 2] * 10  # 100 of class 2, 40 of class 0, 10 of class 1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_every_class_gives_its_share_and_no_row_is_lost(share):
    train, val = held_out(rows(FINE), share, generator())
    for number in range(3):
        members = FINE.count(number)
        expected = min(max(2, round(share * members)), members - 2) if share else 0  # two on either side
        assert (val["fine"] == number).sum() == expected
    assert sorted([*train["path"], *val["path"]]) == sorted(rows(FINE)["path"])
    for part in (train, val):
        places = part["path"].str.removesuffix(".jpg").astype(int)
        assert places.is_monotonic_increasing
        assert part["fine"].tolist() == [FINE[place] for place in places]
        assert part.index.tolist() == [*range(len(part))]


def test_a_class_under_four_images_stays_in_training():
    train, val = held_out(rows([0, 1, 1, 1, 1, 2, 2, 2]), 0.4, generator())
    assert train["fine"].tolist() == [0, 1, 1, 2, 2, 2]
    assert val["fine"].tolist() == [1, 1]


def test_whole_classes():
    train, val = held_out(rows(FINE), 0.34, generator(), whole_classes=True)
    assert val["fine"].nunique() == 1
    assert not set(train["fine"]) & set(val["fine"])
    assert len(train) + len(val) == len(FINE)


def test_drawn_by_the_generator():
    drawn = [held_out(rows(FINE), 0.3, generator(seed))[1]["path"].tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]

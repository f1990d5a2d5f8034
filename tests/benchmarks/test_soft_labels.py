"""The study of soft labels: what it trains, what it chooses, and its table and figure from rows."""

import json
from itertools import chain

import pandas as pd
import pytest
import torch

from benchmarks.soft_labels import (
    TRIED,
    Record,
    ScoringWatcher,
    Trial,
    as_markdown,
    draw_curves,
    draw_map,
    parameters_of,
    with_one_part,
)

ROW = {"seconds": 60.0}


def rows(values_of_side, recall_of, split, seeds):
    return [
        {"set": "two_digits", "side": side, "values": json.dumps(values), "seed": seed, "split": split, **ROW}
        | {"recall_at_1": recall_of(side, values, seed)}
        for side, several in values_of_side.items()
        for values in several
        for seed in seeds
    ]


def test_all_sides_try_as_many_values_and_all_are_allowed():
    for name, sides in TRIED.items():
        assert len({len(values) for values in sides.values()}) == 1
        for values in chain(*sides.values()):
            assert parameters_of(name, values, 3).seed == 3
        for values in with_one_part(name, {side: values[0] for side, values in sides.items()}).values():
            assert parameters_of(name, values, 1).loss.name in ("adaptive_maskcon", "sane", "coins")


def test_the_best_on_validation_is_chosen_and_what_is_recorded_is_not_trained_again(tmp_path):
    tried = TRIED["two_digits"]
    best = {side: values[2] for side, values in tried.items()}
    measured = rows(tried, lambda side, values, seed: 0.9 if values == best[side] else 0.5, "val", [0])
    measured += rows({"MaskCon": [tried["MaskCon"][0]]}, lambda *_: 1.0, "test", [1])  # the test part has no say
    pd.DataFrame(measured).to_csv(tmp_path / "rows.csv", index=False)
    record = Record(tmp_path / "rows.csv")
    record.run(Trial("two_digits", side, values, 0, "val") for side, several in tried.items() for values in several)
    assert len(record.rows) == len(measured)
    assert {side: record.best("two_digits", side) for side in tried} == best


def test_table_pairs_seeds(tmp_path):
    """Differences of 1, 2 and 3 points: mean 2, deviation 1, interval 2 -+ 4.303 / sqrt(3)."""
    values = {side: several[:1] for side, several in TRIED["two_digits"].items()}
    measured = rows(
        values, lambda side, _, seed: 0.5 + 0.1 * seed + (0.01 * seed if side == "adaptive" else 0), "test", [1, 2, 3]
    )
    table = as_markdown(pd.DataFrame(measured))
    assert "+2.0 [-0.5, +4.5], n = 3" in table
    assert "70.0 ± 10.0" in table
    assert "72.0 ± 11.0" in table


@pytest.mark.parametrize("seeds", [[1]])
def test_one_seed_has_no_interval(seeds):
    values = {side: several[:1] for side, several in TRIED["two_digits"].items()}
    assert "[" not in as_markdown(pd.DataFrame(rows(values, lambda *_: 0.5, "test", seeds)))


def test_map_is_drawn_from_rows_of_validation(tmp_path):
    measured = rows(TRIED["two_digits"], lambda *_: 0.8, "val", [0])
    draw_map(pd.DataFrame(measured), tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_curves_are_drawn_from_rows(tmp_path):
    values = {side: several[:1] for side, several in TRIED["two_digits"].items()}
    measured = pd.DataFrame(rows(values, lambda *_: 0.8, "test", [1, 2])).assign(over_epochs='{"3": 0.5, "6": 0.8}')
    draw_curves(measured, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_watcher_scores_an_encoder_that_training_does_not_touch():
    encoder = torch.nn.Linear(1, 1)
    watcher = ScoringWatcher(lambda scored: scored.eval() and float(scored is not encoder))
    watcher.snapshot(3, encoder)
    assert watcher.over_epochs == {3: 1.0}
    assert encoder.training

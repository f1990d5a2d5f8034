"""The arithmetic of the benchmark, by clocks that stand still until told; no ratio where results differ."""

import pytest

from benchmarks.contest import Contest, compared, in_turn, in_words, ratios


class Clock:
    """Time that passes only when something is done."""

    def __init__(self):
        self.now = 0.0
        self.called = []

    def work(self, name, seconds):
        def do():
            self.called.append(name)
            self.now += seconds

        return do


def test_each_round_times_both_and_begins_with_the_other():
    clock = Clock()
    seconds = in_turn(clock.work("ours", 1.0), clock.work("peer", 3.0), rounds=4, clock=lambda: clock.now)
    assert seconds == ([1.0] * 4, [3.0] * 4)
    assert clock.called == ["ours", "peer"] + ["ours", "peer", "peer", "ours"] * 2  # after a first call of each


def test_ratios_are_those_of_the_rounds():
    """Not of the median times, here 3 / 2 = 1.5; p10 of 1, 2, 3 is a fifth of the way from the first to the second."""
    found = ratios(ours=[1.0, 2.0, 4.0], peer=[3.0, 2.0, 8.0])
    assert found == pytest.approx({"ratio_median": 2.0, "ratio_p10": 1.2, "ratio_p90": 2.8})


def test_a_spread_across_one_is_not_resolved():
    assert in_words(4.2, 3.9, 4.6) == "4.20x (3.90 to 4.60)"
    assert in_words(0.5, 0.4, 0.99) == "0.50x (0.40 to 0.99)"
    assert in_words(1.3, 1.0, 1.6) == "not resolved (1.30x, 1.00 to 1.60)"


@pytest.mark.parametrize("difference", [0.51, float("nan")])
def test_nothing_is_timed_where_results_differ(difference):
    called = []
    row = compared(Contest(lambda: called.append(1), lambda: called.append(1), lambda: difference, allowed=0.5), 3)
    assert (row["status"], called) == ("differs", [])
    assert "no ratio" in row["reason"]

"""The arithmetic of the benchmark, by clocks that stand still until told."""

import pytest

from benchmarks.ratios import Ratio, Seconds, in_turn, ratio_of


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
    assert seconds == Seconds([1.0] * 4, [3.0] * 4)
    first_calls, rounds = clock.called[:2], clock.called[2:]
    assert first_calls == ["ours", "peer"]
    assert rounds == ["ours", "peer", "peer", "ours"] * 2


def test_a_fast_function_is_called_often_and_its_time_is_that_of_one_call():
    clock = Clock()
    seconds = in_turn(clock.work("ours", 0.01), clock.work("peer", 0.125), rounds=1, clock=lambda: clock.now)
    assert seconds.ours == [pytest.approx(0.01)]
    assert clock.called.count("ours") == 2 + 5  # two before the rounds, and five for 50 ms
    assert clock.called.count("peer") == 1 + 1


def test_what_runs_on_is_waited_for():
    clock = Clock()
    pending = []

    def wait():
        clock.now += sum(pending)
        pending.clear()

    seconds = in_turn(lambda: pending.append(2.0), lambda: pending.append(6.0), 3, lambda: clock.now, wait)
    assert (seconds.ours, seconds.peer) == ([2.0] * 3, [6.0] * 3)


def test_ratios_are_those_of_the_rounds():
    """Not of the median times, here 3 / 2 = 1.5."""
    ratio = ratio_of(Seconds(ours=[1.0, 2.0, 4.0], peer=[3.0, 2.0, 8.0]))
    assert ratio.median == 2.0
    assert ratio.p10 == pytest.approx(1 + 0.2 * 1)  # of 1, 2, 3: a fifth of the way from the first to the second
    assert ratio.p90 == pytest.approx(3 - 0.2 * 1)


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Ratio(4.2, 3.9, 4.6), "4.20x (3.90 to 4.60)"),
        (Ratio(0.5, 0.4, 0.99), "0.50x (0.40 to 0.99)"),
        (Ratio(1.3, 0.9, 1.6), "not resolved (1.30x, 0.90 to 1.60)"),
        (Ratio(1.3, 1.0, 1.6), "not resolved (1.30x, 1.00 to 1.60)"),
    ],
)
def test_a_spread_across_one_is_not_resolved(ratio, text):
    assert str(ratio) == text

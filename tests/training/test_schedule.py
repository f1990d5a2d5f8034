import itertools
import math

import pytest

from maskcon.training.schedule import learning_rate

RUNS = [(0.06, 62, 930), (0.02, 5, 200), (1.0, 0, 10), (0.1, 1, 2)]  # base, warm-up steps, all steps


@pytest.mark.parametrize(("base", "warmup", "total"), RUNS)
def test_closed_forms(base, warmup, total):
    rates = [learning_rate(step, base, warmup, total) for step in range(total)]
    for step, rate in enumerate(rates):
        if step < warmup:
            assert rate == pytest.approx(base * step / warmup)
        else:
            assert rate == pytest.approx(base * math.cos(math.pi / 2 * (step - warmup) / (total - warmup)) ** 2)


@pytest.mark.parametrize(("base", "warmup", "total"), RUNS)
def test_rises_to_the_base_and_falls_to_nothing(base, warmup, total):
    rates = [learning_rate(step, base, warmup, total) for step in range(total + 1)]
    assert rates[: warmup + 1] == sorted(rates[: warmup + 1])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
    assert rates[warmup] == max(rates) == base
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert rates[-2] > 0


def test_first_step_rests_where_there_is_a_warm_up():
    assert learning_rate(0, 0.06, 62, 930) == 0
    assert learning_rate(0, 0.06, 0, 930) == 0.06


@pytest.mark.parametrize(("base", "warmup", "total"), [(0.06, 100, 1000), (0.5, 1000, 5000)])
def test_no_step_jumps(base, warmup, total):
    rates = [learning_rate(step, base, warmup, total) for step in range(total + 1)]
    largest = base * max(1 / warmup, math.pi / 2 / (total - warmup))
    assert max(abs(b - a) for a, b in itertools.pairwise(rates)) <= largest * (1 + 1e-9)


def test_half_way_down_is_half_the_base():
    assert learning_rate(550, 0.06, 100, 1000) == pytest.approx(0.03)

import math

import pytest

from maskcon.training.schedule import learning_rate

RUNS = [(0.06, 62, 930), (0.02, 5, 200), (1.0, 0, 10), (0.1, 10, 10), (0.1, 1, 1)]  # base, warm-up steps, all steps


@pytest.mark.parametrize(("base", "warmup", "total"), RUNS)
def test_closed_forms(base, warmup, total):
    rates = [learning_rate(step, base, warmup, total) for step in range(total)]
    warmup = min(warmup, total // 2)
    for step, rate in enumerate(rates):
        if step < warmup:
            assert rate == pytest.approx(base * step / warmup)
        else:
            assert rate == pytest.approx(base * math.cos(math.pi / 2 * (step - warmup) / (total - warmup)) ** 2)


def test_first_step_rests_where_there_is_a_warm_up():
    assert learning_rate(0, 0.06, 62, 930) == 0
    assert learning_rate(0, 0.06, 0, 930) == 0.06

import numpy as np
import pytest

from maskcon.evaluation.retrieval import intervals
from maskcon.evaluation.retrieval.intervals import bootstrap_interval, mean_with_interval
from maskcon.runtime.randomness import numpy_generator


def test_same_as_definition():
    """The loop draws the same numbers, one sample after another."""
    scores = np.random.default_rng(0).random((37, 3))
    generator = numpy_generator(1, "bootstrap")
    means = np.array([scores[generator.integers(37, size=37)].mean(axis=0) for _ in range(500)])
    low, high = bootstrap_interval(scores, 500, numpy_generator(1, "bootstrap"))
    assert low == pytest.approx(np.percentile(means, 2.5, axis=0), abs=1e-12)
    assert high == pytest.approx(np.percentile(means, 97.5, axis=0), abs=1e-12)


@pytest.mark.parametrize("draws", [1, 333])
def test_working_in_parts_changes_nothing(monkeypatch, draws):
    scores = np.random.default_rng(0).random((50, 2))
    whole = bootstrap_interval(scores, 101, numpy_generator(0, "bootstrap"))
    monkeypatch.setattr(intervals, "DRAWS_AT_ONCE", draws)
    assert np.allclose(bootstrap_interval(scores, 101, numpy_generator(0, "bootstrap")), whole, rtol=0, atol=1e-15)


def test_means_and_intervals_are_of_their_own_scores():
    scores = {"a": np.ones(30), "b": np.zeros(30), "c": np.arange(30) % 2.0}
    metrics = mean_with_interval(scores, 500, numpy_generator(0, "bootstrap"))
    assert {name: metrics[name] for name in "abc"} == {"a": 1, "b": 0, "c": 0.5}
    assert metrics["interval"]["a"] == {"low": 1, "high": 1}
    assert metrics["interval"]["b"] == {"low": 0, "high": 0}
    assert 0.2 < metrics["interval"]["c"]["low"] < 0.5 < metrics["interval"]["c"]["high"] < 0.8

"""Means, intervals and paired differences against scipy and closed form."""

import numpy as np
import pytest
from scipy import stats

from maskcon.experiments.tables.statistics import paired_difference, summarise


def by_seed(values):
    return dict(enumerate(values, 1))


@pytest.mark.parametrize("n", [2, 5])
def test_the_interval_is_that_of_scipy(n):
    values = np.random.default_rng(n).normal(0.6, 0.02, n)
    summary = summarise(by_seed(values))
    low, high = stats.t.interval(0.95, n - 1, loc=values.mean(), scale=stats.sem(values))
    assert (summary.n, summary.mean) == (n, pytest.approx(values.mean()))
    assert summary.sd == pytest.approx(np.std(values, ddof=1))
    assert (summary.low, summary.high) == (pytest.approx(low), pytest.approx(high))


def test_the_difference_is_the_paired_test_of_scipy():
    generator = np.random.default_rng(0)
    of_seed = generator.normal(0, 0.1, 6)  # what both share
    ours, theirs = 0.62 + of_seed + generator.normal(0, 0.01, 6), 0.6 + of_seed
    difference = paired_difference(by_seed(ours), by_seed(theirs))
    interval = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (difference.low, difference.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert difference.excludes_zero == (stats.ttest_rel(ours, theirs).pvalue < 0.05)


def test_only_shared_seeds_are_paired():
    difference = paired_difference({1: 0.5, 2: 0.7, 3: 0.9}, {2: 0.6, 3: 0.8, 4: 0.0})
    assert (difference.n, difference.mean) == (2, pytest.approx(0.1))
    assert paired_difference({1: 0.5}, {2: 0.5}) is None
    assert not paired_difference({1: 0.5}, {1: 0.4}).excludes_zero  # one seed has no interval

"""Means of scores with bootstrap intervals: how much a mean over queries would move with other queries.

    metrics = mean_with_interval(scores, samples=2000, generator=numpy_generator(seed, "bootstrap"))

The queries are drawn again, the images they search among stay: the interval speaks of the queries, not of another
training run, nor of another gallery.
"""

from typing import Any

import numpy as np

LEVEL = 0.95
DRAWS_AT_ONCE = 2**22  # bounds the memory: 32 MiB of indices

Scores = dict[str, np.ndarray]  # name of the metric -> float64 [N]


def mean_with_interval(scores: Scores, samples: int, generator: np.random.Generator) -> dict[str, Any]:
    """The mean of each score, and under "interval" its 95% bootstrap interval over queries."""
    low, high = bootstrap_interval(np.stack(list(scores.values()), axis=1), samples, generator)
    interval = {name: {"low": float(a), "high": float(b)} for name, a, b in zip(scores, low, high, strict=True)}
    return {**{name: float(values.mean()) for name, values in scores.items()}, "interval": interval}


def bootstrap_interval(
    scores: np.ndarray, samples: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The percentile interval of the mean (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

    Args:
        scores: float64 [N, M], M scores of each of N queries; all M are resampled together.
        samples: how often N queries are drawn with replacement.

    Returns:
        low, high: float64 [M], the 2.5th and the 97.5th percentile of the means.
    """
    at_once = max(1, DRAWS_AT_ONCE // len(scores))
    means = [_resampled_means(scores, min(at_once, samples - done), generator) for done in range(0, samples, at_once)]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail], axis=0)
    return low, high


def _resampled_means(scores: np.ndarray, samples: int, generator: np.random.Generator) -> np.ndarray:
    """float64 [samples, M]: means over N queries drawn with replacement, each score times how often it was drawn."""
    queries = len(scores)
    drawn = generator.integers(queries, size=(samples, queries))
    cell = drawn + queries * np.arange(samples)[:, None]
    times = np.bincount(cell.ravel(), minlength=samples * queries).reshape(samples, queries)
    return times @ scores / queries


def gain_of_training(
    trained: Scores, untrained: Scores, samples: int, generator: np.random.Generator
) -> dict[str, Any]:
    """Recall@1 of the trained encoder less that before training, query by query, with its 95% interval.

    Of fine classes, or of coarse ones where there are no fine labels. An interval below zero says that training lost.
    """
    name = "recall_at_1" if "recall_at_1" in trained else "coarse_recall_at_1"
    difference = trained[name] - untrained[name]
    low, high = bootstrap_interval(difference[:, None], samples, generator)
    return {"mean": float(difference.mean()), "low": float(low[0]), "high": float(high[0])}

"""What one feature file is worth in the measures asked for, as metrics with intervals.

parts = {"train": Part(...), "val": Part(...), "test": Part(...)}  # of one feature file
measured = feature_measures(parts, parameters.evaluate, seed)
    # {"knn_fine_top_1": 0.96, "knn_coarse_top_1": ..., "interval": {...}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maskcon.evaluation.measures.shared.measured import Part
from maskcon.evaluation.retrieval.intervals import mean_with_interval
from maskcon.parameters.evaluate import EvaluateParameters
from maskcon.parameters.plugins import plug_in
from maskcon.runtime.randomness import numpy_generator


def feature_measures(
    parts: Mapping[str, Part], evaluate: EvaluateParameters, seed: int
) -> tuple[dict[str, Any], dict[str, int]]:
    """Every measure named by evaluate.measures.

    Args:
        parts: those of ``evaluate.parts_needed``, by name.

    Returns:
        each metric, and under "interval" the 95% interval of those that are means; and the counts of what was left out.
    """
    metrics: dict[str, Any] = {}
    intervals: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for name in evaluate.measures:
        measured = plug_in("evaluate.measures", name).measure(parts, evaluate.split, getattr(evaluate, name), seed)
        for metric, scores in measured.scores.items():
            # the same draws for every measure and feature file, so that their intervals compare
            generator = numpy_generator(seed, "bootstrap")
            means = mean_with_interval({metric: scores}, evaluate.bootstrap_samples, generator)
            intervals.update(means.pop("interval"))
            metrics.update(means)
        metrics.update(measured.numbers)
        counts.update(measured.counts)
    return {**metrics, "interval": intervals}, counts

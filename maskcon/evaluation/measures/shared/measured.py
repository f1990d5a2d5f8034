"""What a measure is: a file maskcon/evaluation/measures/NAME.py with

    Values                               what evaluate.NAME holds, with ``learns_from``: parts beside the measured one
    measure(parts, split, values, seed)  -> Measured, of one feature file

    parts = {"train": Part(...), "val": Part(...), "test": Part(...)}  # of one feature file
    metrics, counts = feature_measures(parts, parameters.evaluate, seed)

The file imports torch and scikit-learn where it computes, not at its top: every stage reads its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from maskcon.evaluation.retrieval.intervals import mean_with_interval
from maskcon.parameters.evaluate import EvaluateParameters
from maskcon.parameters.plugins import plug_in
from maskcon.runtime.randomness import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Part:
    """The features and labels of train, val or test; fine is None where its images have no fine labels."""

    features: Tensor  # float32 [N, F], unit rows
    coarse: np.ndarray  # int64 [N]
    fine: np.ndarray | None  # int64 [N]

    def labels(self) -> dict[str, np.ndarray]:
        return {"coarse": self.coarse} if self.fine is None else {"fine": self.fine, "coarse": self.coarse}


@dataclass(frozen=True)
class Measured:
    """What a measure finds; nothing where the labels that it needs are missing."""

    scores: Mapping[str, np.ndarray] = field(default_factory=dict)  # float64 [n] each: a mean with its interval
    numbers: Mapping[str, float] = field(default_factory=dict)  # without interval
    counts: Mapping[str, int] = field(default_factory=dict)  # of labels alone, the same for all features


def right(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """float64 [M]: 1 where the prediction is the label."""
    return (predicted == labels).astype(float)


def learnable(train: Part, measured: Part) -> list[str]:
    """Of fine and coarse, the labels of which train has at least one class that is asked for."""
    asked = measured.labels()
    return [name for name, labels in train.labels().items() if name in asked and np.isin(asked[name], labels).any()]


def queries_of_unknown_classes(train: Part, measured: Part) -> dict[str, int]:
    """How many images are of a class that train lacks, so that what learns from train is wrong; only where some are."""
    asked, known = measured.labels(), train.labels()
    unknown = {name: int((~np.isin(asked[name], known[name])).sum()) for name in learnable(train, measured)}
    return {f"queries_of_{name}_classes_not_in_train": number for name, number in unknown.items() if number}


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

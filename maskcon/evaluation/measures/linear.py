"""Linear probe: how well a linear classifier tells the classes apart on features that stay as they are.

    probes = probe_path(train, fine, strengths=[1e-3, 1e-4, 1e-5])  # strength -> classifier
    strength = most_accurate(probes, val, val_fine)
    probes[strength].predict(test)

It is the optimum of a regularised logistic regression, not the end of a hand-tuned run of stochastic gradient descent:
the same features always give the same number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from maskcon.evaluation.measures.shared.measured import Measured, Part, learnable, right
from maskcon.parameters.evaluate import Measure
from maskcon.parameters.values import Positive
from maskcon.runtime.randomness import numpy_generator

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

TOLERANCE = 1e-5  # of the gradient's largest entry, where logits are of order 1
MOST_STEPS = 1000
HELD_OUT = 0.2  # of train, where there is no other part to choose the strength on


class Values(Measure):
    learns_from: ClassVar = ("train", "val")
    computes_with: ClassVar = "sklearn.linear_model"

    strengths: Annotated[list[Positive], Field(min_length=1)]
    """lambda of the L2 penalty: the value that is most accurate on validation images is chosen. Where those are what is
    measured, or show no class of the training images, a fifth of the training images is held out for it."""


@dataclass(frozen=True)
class Probe:
    mean: np.ndarray  # float32 [F], of the features it was fitted to
    scale: float
    model: ClassifierMixin  # of standardised features

    def predict(self, features: np.ndarray) -> np.ndarray:
        """int64 [M], labels of float32 [M, F]."""
        return self.model.predict((features - self.mean) / self.scale)


def measure(parts: Mapping[str, Part], split: str, values: Values, seed: int) -> Measured:
    """Whether the probe of fine and of coarse labels, fitted to train, is right; and the strengths chosen."""
    measured = parts[split]
    features, asked = measured.features.cpu().numpy(), measured.labels()
    scores, strengths = {}, {}
    for name in learnable(parts["train"], measured):
        strength, probe = chosen_probe(parts, name, values.strengths, split, seed)
        scores[f"linear_{name}_top_1"] = right(probe.predict(features), asked[name])
        strengths[f"linear_{name}_strength"] = strength
    return Measured(scores, strengths)


def chosen_probe(
    parts: Mapping[str, Part], name: str, strengths: Iterable[float], split: str, seed: int
) -> tuple[float, Probe]:
    """The strength that does best on val, and the probe fitted to train with it.

    Where val is what is measured, or has no image of a class of train, the strength is chosen on a held-out share of
    train, and the probe then fitted to all of it.
    """
    train, val = parts["train"], parts["val"]
    features, labels = train.features.cpu().numpy(), train.labels()[name]
    if split != "val" and name in learnable(train, val):
        probes = probe_path(features, labels, strengths)
        strength = most_accurate(probes, val.features.cpu().numpy(), val.labels()[name])
        return strength, probes[strength]
    order = numpy_generator(seed, "linear probe", "held out").permutation(len(labels))
    held_out, kept = np.split(order, [max(1, round(HELD_OUT * len(labels)))])
    strength = most_accurate(probe_path(features[kept], labels[kept], strengths), features[held_out], labels[held_out])
    return strength, probe_path(features, labels, [strength])[strength]


def probe_path(features: np.ndarray, labels: np.ndarray, strengths: Iterable[float]) -> dict[float, Probe]:
    """Multinomial logistic regression with an L2 penalty, for each strength lambda, the strongest first:

        W, b = argmin  1/N sum_i -log softmax(W z_i + b)_{y_i}  +  lambda/2 ||W||²,    z_i = (x_i - mean) / scale.

    Mean and scale (one number, the root mean square distance from the mean) only set the unit of lambda, so that one
    list of strengths does for features that lie close together and for such that do not. Solved by scikit-learn's
    L-BFGS, whose C is 1 / (lambda N), from the strongest penalty to the weakest, each from the solution before.

    Args:
        features: float32 [N, F].
        labels: int64 [N].
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(axis=0)
    scale = float(np.sqrt(np.square(features - mean).sum(axis=1).mean())) or 1.0
    if len(np.unique(labels)) == 1:  # nothing to tell apart
        return {strength: Probe(mean, scale, DummyClassifier().fit(features, labels)) for strength in strengths}
    model = LogisticRegression(tol=TOLERANCE, max_iter=MOST_STEPS, warm_start=True)
    probes = {}
    for strength in sorted(strengths, reverse=True):
        model.set_params(C=1 / (strength * len(labels))).fit((features - mean) / scale, labels)
        probes[strength] = Probe(mean, scale, deepcopy(model))
    return probes


def most_accurate(probes: Mapping[float, Probe], features: np.ndarray, labels: np.ndarray) -> float:
    """The strength of the probe that is right most often; of equally good ones the strongest."""
    hits = {strength: int((probe.predict(features) == labels).sum()) for strength, probe in probes.items()}
    return max(hits, key=lambda strength: (hits[strength], strength))

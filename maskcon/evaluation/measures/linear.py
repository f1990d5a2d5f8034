"""Linear probe: how well a linear classifier tells the classes apart on features that stay as they are.

    probes = probe_path(train, fine, strengths=[1e-3, 1e-4, 1e-5])  # one a strength
    best = most_accurate(probes, val, val_fine)
    (best.predict(test) == test_fine).mean()  # top-1

It is the optimum of a regularised logistic regression, not the end of a hand-tuned run of stochastic gradient descent:
the same features always give the same number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from maskcon.evaluation.measures.shared.measured import Measured, Part, learnable, right
from maskcon.parameters.evaluate import Measure
from maskcon.parameters.values import Positive
from maskcon.runtime.randomness import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor


class Values(Measure):
    learns_from: ClassVar = ("train", "val")

    strengths: Annotated[list[Positive], Field(min_length=1)]
    """lambda of the L2 penalty: the value that is most accurate on validation images is chosen. Where those are what is
    measured, or show no class of the training images, a fifth of the training images is held out for it."""


def measure(parts: Mapping[str, Part], split: str, values: Values, seed: int) -> Measured:
    """Whether the probe is right, for each query, of fine and coarse labels; and the strengths chosen."""
    measured = parts[split]
    probes = chosen_probes(parts, split, values, seed)
    scores = {
        f"linear_{name}_top_1": right(probe.predict(measured.features), measured.labels()[name])
        for name, probe in probes.items()
    }
    return Measured(scores, {f"linear_{name}_strength": probe.strength for name, probe in probes.items()})


def chosen_probes(parts: Mapping[str, Part], split: str, values: Values, seed: int) -> dict[str, LinearProbe]:
    """The probe of fine and of coarse labels, fitted to train, with the strength that does best on val.

    Where val is what is measured, or has no image of a class of train, the strength is chosen on a held-out share of
    train, and the probe then fitted to all of it.
    """
    train, val = parts["train"], parts["val"]
    probes = {}
    for name in learnable(train, parts[split]):
        labels = train.labels()[name]
        if split == "val" or name not in learnable(train, val):
            kept, held_out = hold_out(len(labels), numpy_generator(seed, "linear probe", "held out"))
            tried = probe_path(train.features[kept], labels[kept], values.strengths)
            best = most_accurate(tried, train.features[held_out], labels[held_out])
            probes[name] = probe_path(train.features, labels, [best.strength])[0]
        else:
            tried = probe_path(train.features, labels, values.strengths)
            probes[name] = most_accurate(tried, val.features, val.labels()[name])
    return probes


GRADIENT_TOLERANCE = 1e-5  # of the largest entry, where logits are of order 1
MOST_STEPS = 1000
HISTORY = 20  # steps that L-BFGS remembers
HELD_OUT = 0.2  # of the gallery, where there is no other part to choose the strength on


@dataclass(frozen=True)
class LinearProbe:
    """class = argmax_c  weight_c · (x - mean) / scale + bias_c."""

    weight: Tensor  # float32 [C, F]
    bias: Tensor  # float32 [C]
    mean: Tensor  # float32 [F], of the features it was fitted to
    scale: Tensor  # float32 []
    classes: np.ndarray  # int64 [C], the label of each row of the weight
    strength: float  # lambda

    def predict(self, features: Tensor) -> np.ndarray:
        """int64 [M], labels of float32 [M, F]."""
        logits = (features - self.mean) / self.scale @ self.weight.T + self.bias
        return self.classes[logits.argmax(dim=1).cpu().numpy()]


def probe_path(features: Tensor, labels: np.ndarray, strengths: Iterable[float]) -> list[LinearProbe]:
    """Multinomial logistic regression with an L2 penalty, for each strength lambda:

        W, b = argmin  1/N sum_i -log softmax(W z_i + b)_{y_i}  +  lambda/2 ||W||²,    z_i = (x_i - mean) / scale.

    Mean and scale (one number, the root mean square distance from the mean) only set the unit of lambda, so that one
    list of strengths does for features that lie close together and for such that do not. A strength of lambda is
    scikit-learn's C = 1 / (lambda N). Solved by L-BFGS on all images at once, from the strongest penalty to the
    weakest, each from the solution before.

    Args:
        features: float32 [N, F], on any device.
        labels: int64 [N].

    Returns:
        one probe for each strength, strongest first.
    """
    import torch

    classes, target = np.unique(labels, return_inverse=True)
    target = torch.from_numpy(target).to(features.device)
    mean = features.mean(dim=0)
    scale = (features - mean).square().sum(dim=1).mean().sqrt().clamp(min=torch.finfo(features.dtype).tiny)
    standardised = (features - mean) / scale

    weight = features.new_zeros(len(classes), features.shape[1])
    bias = features.new_zeros(len(classes))
    probes = []
    for strength in sorted(strengths, reverse=True):
        weight, bias = _minimum(standardised, target, strength, weight, bias)
        probes.append(LinearProbe(weight, bias, mean, scale, classes, strength))
    return probes


def most_accurate(probes: Sequence[LinearProbe], features: Tensor, labels: np.ndarray) -> LinearProbe:
    """The probe that is right most often; of equally good ones the strongest penalty."""
    return max(
        sorted(probes, key=lambda probe: -probe.strength),
        key=lambda probe: (probe.predict(features) == labels).sum(),  # max takes the first of equals
    )


def hold_out(images: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit to, and HELD_OUT of all rows, at least one, to choose the strength on."""
    order = generator.permutation(images)
    held_out = max(1, round(HELD_OUT * images))
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _minimum(features: Tensor, target: Tensor, strength: float, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """The minimum of the penalised loss, sought from the weight and bias given."""
    import torch
    from torch.nn import functional as F

    weight, bias = (start.clone().requires_grad_() for start in (weight, bias))
    search = torch.optim.LBFGS(
        [weight, bias],
        max_iter=MOST_STEPS,
        history_size=HISTORY,
        tolerance_grad=GRADIENT_TOLERANCE,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        search.zero_grad()
        value = F.cross_entropy(features @ weight.T + bias, target) + strength / 2 * weight.square().sum()
        value.backward()
        return value

    search.step(loss)
    return weight.detach(), bias.detach()

"""What a method is.

All methods share one core (maskcon/training/step.py): the similarities of a query to its own key and to a queue of
keys, a softmax over them, and a cross-entropy against a soft target over the same entries,

    S = [q · k, q · queue^T] / temperature               [B, 1 + K]
    L = mean_i - sum_j Z_ij log_softmax(S_i)_j .

A method is the way it fills the target Z, plus, for a few, an extra head with a loss of its own. Adding one is a file
here with a function ``build``, a preset conf/loss/NAME.yaml, and a test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from torch import Tensor, nn

from maskcon.parameters import LossParameters


@dataclass(frozen=True)
class Keys:
    """What a target is computed from: keys of the momentum encoder and coarse labels, never the query."""

    own: Tensor  # float32 [B, D], unit rows, no gradient
    queue: Tensor  # float32 [K, D], unit rows, no gradient
    own_coarse: Tensor  # int64 [B]
    queue_coarse: Tensor  # int64 [K]

    @property
    def same_coarse(self) -> Tensor:
        """bool [B, K]: the queue entry has the coarse class of the row."""
        return self.own_coarse[:, None] == self.queue_coarse[None, :]


@dataclass(frozen=True)
class ExtraHead:
    """A module on the query's backbone features, trained by a loss of its own."""

    build: Callable[[int, int], nn.Module]  # (feature size F, coarse classes C) -> module
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor]  # (module, features [B, F], coarse [B]) -> scalar
    weight: float


@dataclass(frozen=True)
class Method:
    """One method: its target, the weight of the contrast, and what else it trains."""

    title: str  # as people write it
    equation: str  # the target in typst's mathematics, for the report
    source: str  # paper
    target: Callable[[Keys], Tensor]  # -> float32 [B, 1 + K], rows sum to 1; column 0 is the own key
    contrast_weight: float = 1.0
    extra_head: ExtraHead | None = None


def build_method(loss: LossParameters) -> Method:
    """The method called ``loss.name``, with its values."""
    return import_module(f"maskcon.methods.{loss.name}").build(loss)

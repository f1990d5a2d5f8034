"""What a method is.

All methods share one core (contrast.py): the similarities of a query to a set of keys, a softmax over them, and
a cross-entropy against a soft target over the same keys,

    S = query · keys / temperature
    L = mean_i - sum_j Z_ij log_softmax(S_i)_j .

A method is the way it fills the target Z; a few add one of the other parts of ``Method``. Adding one is a file
maskcon/methods/NAME.py with a class ``Values`` and a function ``build``, a preset conf/loss/NAME.yaml, and a test. The
file imports torch where it computes, not at its top: stages without torch read its values too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from maskcon.parameters.loss import Contrast
from maskcon.parameters.plugins import plug_in

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Keys:
    """What a target is computed from: keys of the momentum encoder and coarse labels, never the query."""

    own: Tensor  # float32 [B, D], unit rows, no gradient
    queue: Tensor  # float32 [K, D], unit rows, no gradient
    own_coarse: Tensor  # int64 [B]
    queue_coarse: Tensor  # int64 [K]
    progress: float = 0.0  # share of the training that is done, for what follows a schedule
    generator: torch.Generator | None = None  # of this step, on the CPU, for what is drawn
    memory: nn.Module | None = None  # of the method, where it has one
    draw: Callable[[Keys], Any] | None = None  # of the method, see ``drawn``
    own_features: Tensor | None = None  # float32 [B, F], of the momentum encoder's backbone, unit rows,
    queue_features: Tensor | None = None  # float32 [K, F], for a method that uses them

    @cached_property
    def same_coarse(self) -> Tensor:
        """bool [B, K]: the queue entry has the coarse class of the row."""
        return self.own_coarse[:, None] == self.queue_coarse[None, :]

    @cached_property
    def drawn(self) -> Any:
        """What the method's ``draw`` returns for this batch, drawn once."""
        return self.draw(self)


@dataclass(frozen=True)
class Scene:
    """What an extra loss is computed from: a batch as the query network sees it."""

    features: Tensor  # float32 [B, F], of the backbone
    projection: Tensor  # float32 [B, D], before it is brought to unit length
    coarse: Tensor  # int64 [B]
    encode_other_view: Callable[[], tuple[Tensor, Tensor]]  # features and projection of the key view, with gradient
    places: Tensor | None = None  # int64 [B], of the images in the training set
    nearest: Sequence[NearestView] = ()  # one for each nearest image that multi-crop adds


@dataclass(frozen=True)
class NearestView:
    """Of every image of the batch one near it, in a query view: the n-th nearest of each, for one n."""

    places: Tensor  # int64 [B], of these images in the training set
    features: Tensor  # float32 [B, F]
    projection: Tensor  # float32 [B, D], before it is brought to unit length


@dataclass(frozen=True)
class ExtraHead:
    """A module of its own beside the contrast, trained by a loss of its own."""

    build: Callable[[int, int, int], nn.Module]  # (feature size F, projection size D, coarse classes C) -> module
    loss: Callable[[nn.Module, Scene], Tensor]  # -> scalar
    weight: float
    in_words: str  # a clause for the report: what it learns


@dataclass(frozen=True)
class MomentumMixup:
    """A second contrast, of mixed images against mixed targets (SANE, NeurIPS 2021, section 3.2).

    x' = theta x_query + (1 - theta) x_key[permuted],    Z' = theta Z + (1 - theta) Z[permuted],    theta ~ Beta(a, a)
    L  = (1 - weight) L_plain + weight L_mixed

    The mixed images' keys are those of the batch and the queue.
    """

    target: Callable[[Keys], Tensor]  # -> Z [B, B + K], over the keys of the batch and the queue
    weight: float
    beta: float  # a


@dataclass(frozen=True)
class Memory:
    """State of a method that is renewed before every epoch from the keys of the whole training set."""

    build: Callable[
        [int, int], nn.Module
    ]  # (projection size D, coarse classes C) -> module whose buffers are the state
    renew: Callable[[nn.Module, Tensor, Tensor, int, torch.Generator], None]  # (module, keys [N, D], coarse [N], epoch)
    first_epoch: int = 1  # that it is renewed before


@dataclass(frozen=True)
class Method:
    """One method: its target and the weight of its contrast, and what else it does, if anything."""

    title: str  # as people write it
    equation: str  # the target in typst's mathematics, for the report
    source: str  # paper
    target: Callable[[Keys], Tensor] | None  # -> float32 [B, M], rows sum to 1, over the key set
    draw: Callable[[Keys], Any] | None = None  # once a batch; target and kept find the result in keys.drawn
    batch_keys: bool = False  # all keys of the whole batch are compared with, not the image's alone
    kept: Callable[[Tensor, Keys], Tensor] | None = None  # (similarities, keys) -> bool [B, M]: False leaves a key out
    angle: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None  # (head, unit rows, coarse) -> other unit rows
    contrast_weight: float = 1.0  # 0 where the method has no contrast with keys, and so no target
    extra_head: ExtraHead | None = None
    mixup: MomentumMixup | None = None
    memory: Memory | None = None
    uses_features: bool = False  # behind the keys, of the batch and of the queue
    multi_crop: int = 0  # further queries: views of so many nearest images, whose places the memory holds

    @property
    def uses_keys(self) -> bool:
        """Whether there is anything to encode keys and to keep a queue of them for."""
        return self.contrast_weight > 0


def build_method(loss: Contrast) -> Method:
    """The method called ``loss.name``, with its values."""
    return plug_in("loss.name", loss.name).build(loss)

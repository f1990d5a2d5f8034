"""The step that all methods share: momentum contrast against a soft target.

    q_i = unit(f_q(x_i)),    k_i = unit(f_k(x'_i))              x, x': query view and key view of image i
    S_i = [q_i · k_i, q_i · queue_1, ..., q_i · queue_K]        [B, 1 + K]
    L   = mean_i - sum_j Z_ij log softmax(S_i / temperature)_j  Z: the method's target, from keys and coarse labels
    f_q <- f_q - rate dL/df_q,    f_k <- m f_k + (1 - m) f_q,    queue <- [k, queue without its oldest]

With Z_i = [1, 0, ..., 0] this is MoCo (He et al., Momentum Contrast, CVPR 2020). It moves f_k before it encodes the
keys; here f_k moves at the end of the step, which is the same, as both networks start equal. Its keys never meet the
batch norm statistics of their own queries: see train.batch_norm. How images are encoded stands in learner.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from maskcon.methods.parts.contrast import batch_and_queue, own_and_queue, soft_cross_entropy
from maskcon.methods.parts.interface import Keys
from maskcon.training.batches import Batch
from maskcon.training.mixed_images import mixed_contrast

if TYPE_CHECKING:
    from maskcon.training.learner import ContrastiveLearner


def training_step(
    learner: ContrastiveLearner,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    progress: float = 0.0,
    loss_of: Callable[..., Tensor] | None = None,
) -> Tensor:
    """Move both networks and the queue by one batch; returns the loss, a scalar on the device, detached.

    Args:
        progress: share of the training that is done.
        loss_of: the learner as it computes its loss beside other processes, see Processes.with_mean_gradients.
    """
    keys = learner.encode_keys(batch, progress) if learner.method.uses_keys else None  # k, beside the queue
    loss = (loss_of or learner)(batch, keys)  # calls batch_loss: q, S, Z and L

    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # reaches the query network and the extra head, never a key
    optimizer.step()
    move_key_network(learner.key_network, learner.query_network, learner.key_momentum)

    if keys is not None:  # last: no query is contrasted with its own key twice
        learner.queue.enqueue(keys.own, keys.own_coarse, keys.own_features)
    return loss.detach()


def batch_loss(learner: ContrastiveLearner, batch: Batch, keys: Keys | None) -> Tensor:
    """L of a batch, a scalar; ``keys`` is None for a method without. Mixed images and an extra head are for the few
    methods that have them."""
    method = learner.method
    features, projection = learner.encode_queries(batch.query_view)  # [B, F], [B, D]
    loss = projection.new_zeros(())
    if keys is not None:
        loss = contrast(learner, unit(projection), keys)
        if method.mixup is not None:
            mixed = mixed_contrast(learner, method.mixup, batch, keys)
            loss = (1 - method.mixup.weight) * loss + method.mixup.weight * mixed
        loss = method.contrast_weight * loss
    if method.extra_head is not None:
        scene = learner.scene(batch, features, projection)
        loss = loss + method.extra_head.weight * method.extra_head.loss(learner.extra_head, scene)
    return loss


def contrast(learner: ContrastiveLearner, q: Tensor, keys: Keys) -> Tensor:
    """Cross-entropy of queries [B, D], unit rows, against the method's target; a scalar."""
    method = learner.method
    k, queue = keys.own, keys.queue
    if method.angle is not None:
        q = method.angle(learner.extra_head, q, keys.own_coarse)
        k = method.angle(learner.extra_head, k, keys.own_coarse)
        queue = method.angle(learner.extra_head, queue, keys.queue_coarse)
    key_set = batch_and_queue if method.batch_keys else own_and_queue
    similarities = key_set(q, k, queue)  # S: [B, 1 + K], or [B, B + K] over the keys of the batch
    target = method.target(keys)  # Z, of the same shape
    kept = method.kept and method.kept(similarities.detach(), keys)  # None: all keys count
    return soft_cross_entropy(similarities, target, learner.temperature, kept)


@torch.no_grad()
def move_key_network(key_network: nn.Module, query_network: nn.Module, momentum: float) -> None:
    """f_k <- m f_k + (1 - m) f_q, of parameters alone: batch-norm statistics stay the key network's. In place."""
    for key_parameter, query_parameter in zip(key_network.parameters(), query_network.parameters(), strict=True):
        key_parameter.lerp_(query_parameter, 1 - momentum)


def unit(vectors: Tensor) -> Tensor:
    """Rows brought to length 1."""
    return nn.functional.normalize(vectors, dim=1)

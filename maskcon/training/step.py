"""One training step: the core that all methods share, and the networks it moves."""

import copy
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from maskcon.batches import Batch
from maskcon.encoders import ProjectedEncoder
from maskcon.key_queue import KeyQueue
from maskcon.methods.interface import Keys, Method


def contrast_loss(query: Tensor, own_key: Tensor, queue: Tensor, target: Tensor, temperature: float) -> Tensor:
    """Soft cross-entropy of the query's similarities to its own key and to the queue.

        S = [query · own_key, query · queue^T] / temperature
        L = mean_i - sum_j target_ij log_softmax(S_i)_j

    Args:
        query, own_key: float32 [B, D]; queue: float32 [K, D]; all rows of unit length.
        target: float32 [B, 1 + K], rows sum to 1.
    """
    to_own_key = (query * own_key).sum(dim=1, keepdim=True)  # [B, 1]
    logits = torch.cat([to_own_key, query @ queue.T], dim=1) / temperature  # [B, 1 + K]
    return nn.functional.cross_entropy(logits, target)


@torch.no_grad()
def follow(key_network: nn.Module, query_network: nn.Module, momentum: float) -> None:
    """key <- momentum key + (1 - momentum) query, of parameters alone: batch-norm statistics stay the key network's."""
    for key_parameter, query_parameter in zip(key_network.parameters(), query_network.parameters(), strict=True):
        key_parameter.lerp_(query_parameter, 1 - momentum)


class ContrastiveLearner(nn.Module):
    """Query network, key network, queue, and the method's extra head: all that a checkpoint must hold.

    Args:
        query_network: trained by gradient; the key network starts as its copy.
        coarse_classes: C, for an extra head.
        precision: torch.float32, or torch.bfloat16 for autocast in both networks. Similarities, targets and losses are
            always float32.
    """

    def __init__(
        self,
        query_network: ProjectedEncoder,
        queue: KeyQueue,
        method: Method,
        coarse_classes: int,
        temperature: float,
        key_momentum: float,
        precision: torch.dtype,
    ):
        super().__init__()
        self.query_network = query_network
        self.key_network = copy.deepcopy(query_network).requires_grad_(False)
        self.queue = queue
        self.extra_head = None
        if method.extra_head is not None:
            self.extra_head = method.extra_head.build(query_network.encoder.feature_size, coarse_classes)
        self.method = method
        self.temperature = temperature
        self.key_momentum = key_momentum
        self.precision = precision

    def trained_parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def loss(self, batch: Batch, own_key: Tensor) -> Tensor:
        """The method's loss of a batch, given its keys [B, D]."""
        with self._autocast(batch.query_view):
            features, query = self.query_network(batch.query_view)  # [B, F], [B, D]

        keys = Keys(own_key, self.queue.keys, batch.coarse, self.queue.coarse)
        target = self.method.target(keys)  # [B, 1 + K]
        loss = self.method.contrast_weight * contrast_loss(query, own_key, keys.queue, target, self.temperature)
        if self.extra_head is not None:
            extra = self.method.extra_head
            loss = loss + extra.weight * extra.loss(self.extra_head, features.float(), batch.coarse)
        return loss

    @torch.no_grad()
    def encode_keys(self, key_view: Tensor) -> Tensor:
        """Keys float32 [B, D] of a view; batch norm in training mode, with statistics of its own."""
        with self._autocast(key_view):
            return self.key_network(key_view)[1]

    def _autocast(self, images: Tensor) -> AbstractContextManager:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(images.device.type, dtype=self.precision)


def training_step(learner: ContrastiveLearner, optimizer: torch.optim.Optimizer, batch: Batch) -> Tensor:
    """Move all networks and the queue by one batch; returns the loss, a scalar on the device, detached."""
    follow(learner.key_network, learner.query_network, learner.key_momentum)
    own_key = learner.encode_keys(batch.key_view)
    loss = learner.loss(batch, own_key)

    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()

    learner.queue.enqueue(own_key, batch.coarse)  # last: a batch is never contrasted with its own keys twice
    return loss.detach()

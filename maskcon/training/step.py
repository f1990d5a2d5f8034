"""One training step: the core that all methods share, and the networks it moves."""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from maskcon.encoders.networks import ProjectedEncoder
from maskcon.methods.parts.contrast import batch_and_queue, soft_cross_entropy
from maskcon.methods.parts.interface import Keys, Method, NearestView, Scene
from maskcon.methods.parts.key_queue import KeyQueue
from maskcon.training.batches import Batch
from maskcon.training.micro_batches import encode_in_parts
from maskcon.training.processes import ALONE, Processes


@torch.no_grad()
def follow(key_network: nn.Module, query_network: nn.Module, momentum: float) -> None:
    """key <- momentum key + (1 - momentum) query, of parameters alone: batch-norm statistics stay the key network's.

    In place. On a GPU all at once: a launch costs more there than the few numbers of most parameters. On the CPU it
    costs next to nothing, and a parameter at a time stays in its cache.
    """
    keys, queries = list(key_network.parameters()), list(query_network.parameters())
    if keys[0].device.type == "cuda":
        torch._foreach_lerp_(keys, queries, 1 - momentum)
        return
    for key_parameter, query_parameter in zip(keys, queries, strict=True):
        key_parameter.lerp_(query_parameter, 1 - momentum)


class ContrastiveLearner(nn.Module):
    """Query network, key network, queue, and what the method keeps beside them: all that a checkpoint must hold.

    Args:
        query_network: trained by gradient; the key network starts as its copy.
        coarse_classes: C, for an extra head or memory.
        precision: torch.float32, or torch.bfloat16 for autocast in both networks. Similarities, targets and losses are
            always float32.
        micro_batches: parts that a batch is encoded in, see micro_batches.py.
        processes: those that share each batch, see maskcon/training/processes.py.
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
        micro_batches: int = 1,
        processes: Processes = ALONE,
    ):
        super().__init__()
        feature_size, projection_size = query_network.encoder.feature_size, queue.keys.shape[1]
        self.query_network = query_network
        self.key_network = copy.deepcopy(query_network).requires_grad_(False)
        self.queue = queue
        self.extra_head = method.extra_head and method.extra_head.build(feature_size, projection_size, coarse_classes)
        self.memory = method.memory and method.memory.build(projection_size, coarse_classes)
        self.method = method
        self.temperature = temperature
        self.key_momentum = key_momentum
        self.precision = precision
        self.micro_batches = micro_batches
        self.processes = processes

    def trained_parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def forward(
        self,
        batch: Batch,
        own_key: Tensor | None,
        progress: float = 0.0,
        own_features: Tensor | None = None,
    ) -> Tensor:
        """The method's loss of a batch, of which this process encodes its share.

        Args:
            own_key: float32 [B, D], keys of the batch; None for a method that uses none.
            progress: share of the training that is done.
            own_features: float32 [B, F], unit rows, what the keys are projections of; for a method that uses them.
        """
        method = self.method
        features, projection = self.encode_queries(batch.query_view)  # [B, F], [B, D]
        nearest = self.encode_nearest(batch)
        loss = projection.new_zeros(())
        if method.uses_keys:
            generator = batch.generator("target")
            queue = self.queue
            keys = Keys(own_key, queue.keys, batch.coarse, queue.coarse, progress, generator, self.memory)
            keys = replace(keys, own_features=own_features, queue_features=queue.features)
            if method.draw is not None:
                keys = replace(keys, drawn=method.draw(keys))
            contrast = self.contrast(unit(projection), keys)
            if method.mixup is not None:
                mixed = self.mixed_contrast(batch, keys)
                contrast = (1 - method.mixup.weight) * contrast + method.mixup.weight * mixed
            loss = method.contrast_weight * contrast
        if method.extra_head is not None:
            scene = Scene(
                features,
                projection,
                batch.coarse,
                lambda: self.encode_queries(batch.key_view),
                batch.places,
                nearest,
            )
            loss = loss + method.extra_head.weight * method.extra_head.loss(self.extra_head, scene)
        return loss

    def contrast(self, query: Tensor, keys: Keys) -> Tensor:
        """Cross-entropy of the queries [B, D] against the method's target."""
        method = self.method
        own, queue = keys.own, keys.queue
        if method.angle is not None:
            query = method.angle(self.extra_head, query, keys.own_coarse)
            own = method.angle(self.extra_head, own, keys.own_coarse)
            queue = method.angle(self.extra_head, queue, keys.queue_coarse)
        similarities = method.key_set(query, own, queue)  # [B, M]
        kept = method.kept and method.kept(similarities.detach(), keys)
        return soft_cross_entropy(similarities, method.target(keys), self.temperature, kept)

    def mixed_contrast(self, batch: Batch, keys: Keys) -> Tensor:
        """Momentum mixup: query images mixed with other images' key views, and targets mixed alike."""
        mixup = self.method.mixup
        theta, permuted = draw_mixture(len(batch.coarse), mixup.beta, batch.generator("mixup"))
        permuted = permuted.to(batch.coarse.device, non_blocking=True)  # so few that they are on their way at once
        others = self.processes.share_of(self.processes.joined(batch.key_view)[permuted])
        mixed_view = theta * batch.query_view + (1 - theta) * others
        query = unit(self.encode_queries(mixed_view)[1])
        target = mixup.target(keys)  # [B, B + K]
        mixed_target = theta * target + (1 - theta) * target[permuted]
        return soft_cross_entropy(batch_and_queue(query, keys.own, keys.queue), mixed_target, self.temperature)

    def encode_nearest(self, batch: Batch) -> list[NearestView]:
        """A query view of each of the nearest images of every image, where the method asks for such."""
        if not self.method.multi_crop:
            return []
        generator = batch.generator("nearest images")
        return [
            NearestView(places, *self.encode_queries(batch.view_of(places, generator)))
            for places in self.memory.nearest[batch.places].unbind(dim=1)
        ]

    def encode_queries(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """float32 features [B, F] and projections [B, D] of a view, of which [b, ...] is here; with gradient."""
        with self._autocast(view):
            features, projection = encode_in_parts(self.query_network, view, self.micro_batches)
        return self.processes.joined(features.float()), self.processes.joined(projection.float())

    @torch.no_grad()
    def encode_keys(self, key_view: Tensor) -> Tensor:
        """Keys float32 [B, D] of a view, unit rows; batch norm in training mode, with statistics of its own."""
        return self.encode_keys_and_features(key_view)[0]

    @torch.no_grad()
    def encode_keys_and_features(self, key_view: Tensor) -> tuple[Tensor, Tensor | None]:
        """Keys as above, and the features float32 [B, F] behind them, unit rows, where the method uses those."""
        key_view = self.processes.exchanged_for_keys(key_view)
        with self._autocast(key_view):
            features, projection = encode_in_parts(self.key_network, key_view, self.micro_batches)
        keys = unit(self.processes.joined_keys(projection.float()))
        if not self.method.uses_features:
            return keys, None
        return keys, unit(self.processes.joined_keys(features.float()))

    @torch.no_grad()
    def encode_for_memory(self, images: Tensor) -> Tensor:
        """float32 [B, D], unit rows, of images as they are and in evaluation mode: keys, or queries without keys."""
        network = self.key_network if self.method.uses_keys else self.query_network
        network.eval()
        with self._autocast(images):
            projection = network(images)[1]
        network.train()
        return unit(projection.float())

    def _autocast(self, images: Tensor) -> AbstractContextManager:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(images.device.type, dtype=self.precision)


def unit(vectors: Tensor) -> Tensor:
    """Rows brought to length 1."""
    return nn.functional.normalize(vectors, dim=1)


def draw_mixture(number: int, beta: float, generator: torch.Generator) -> tuple[float, Tensor]:
    """theta ~ Beta(beta, beta), one for the batch, and a permutation int64 [number].

    torch's Beta takes no generator: the share of the first of two gamma variables is Beta distributed. Below a beta of
    0.05 both would be too small for float32 too often; parameters.py allows none.
    """
    shape = torch.full((2,), float(beta))
    gamma = torch._standard_gamma(shape, generator=generator)
    return float(gamma[0] / gamma.sum()), torch.randperm(number, generator=generator)


def training_step(
    learner: ContrastiveLearner,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    progress: float = 0.0,
    loss_of: Callable[..., Tensor] | None = None,
) -> Tensor:
    """Move all networks and the queue by one batch; returns the loss, a scalar on the device, detached.

    Args:
        loss_of: the learner as it computes its loss beside other processes, see Processes.with_mean_gradients.
    """
    follow(learner.key_network, learner.query_network, learner.key_momentum)
    uses_keys = learner.method.uses_keys
    own_key, own_features = learner.encode_keys_and_features(batch.key_view) if uses_keys else (None, None)
    loss = (loss_of or learner)(batch, own_key, progress, own_features)

    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()

    if uses_keys:
        # Last: a batch is never contrasted with its own keys twice.
        learner.queue.enqueue(own_key, batch.coarse, own_features)
    return loss.detach()

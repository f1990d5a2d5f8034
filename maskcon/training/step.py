"""The step that all methods share: momentum contrast against a soft target.

    q_i = unit(f_q(x_i)),    k_i = unit(f_k(x'_i))              x, x': query view and key view of image i
    S_i = [q_i · k_i, q_i · queue_1, ..., q_i · queue_K]        [B, 1 + K]
    L   = mean_i - sum_j Z_ij log softmax(S_i / temperature)_j  Z: the method's target, from keys and coarse labels
    f_q <- f_q - rate dL/df_q,    f_k <- m f_k + (1 - m) f_q,    queue <- [k, queue without its oldest]

With Z_i = [1, 0, ..., 0] this is MoCo (He et al., Momentum Contrast, CVPR 2020). It moves f_k before it encodes the
keys; here f_k moves at the end of the step, which is the same, as both networks start equal. Its keys never meet the
batch norm statistics of their own queries: see train.batch_norm.
"""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from maskcon.encoders.networks import ProjectedEncoder
from maskcon.methods.parts.contrast import batch_and_queue, own_and_queue, soft_cross_entropy
from maskcon.methods.parts.interface import Keys, Method, NearestView, Scene
from maskcon.methods.parts.key_queue import KeyQueue
from maskcon.training.batches import Batch
from maskcon.training.micro_batches import encode_in_parts
from maskcon.training.mixed_images import mixed_contrast
from maskcon.training.processes import ALONE, Processes


def training_step(
    learner: "ContrastiveLearner",
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
    loss = (loss_of or learner)(batch, keys)  # q, S, Z and L: ContrastiveLearner.forward

    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # reaches the query network and the extra head, never a key
    optimizer.step()
    move_key_network(learner.key_network, learner.query_network, learner.key_momentum)

    if keys is not None:  # last: no query is contrasted with its own key twice
        learner.queue.enqueue(keys.own, keys.own_coarse, keys.own_features)
    return loss.detach()


class ContrastiveLearner(nn.Module):
    """Query network, key network, queue, and what the method keeps beside them: all that a checkpoint must hold.

    Args:
        query_network: f_q, trained by gradient; the key network f_k starts as its copy.
        coarse_classes: C, for an extra head or memory.
        precision: torch.float32, or torch.bfloat16 for autocast in both networks. Similarities, targets and losses are
            always float32.
        micro_batches: parts that a batch is encoded in, see micro_batches.py.
        processes: those that share each batch, see processes.py.
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
        self.memory: nn.Module | None = method.memory and method.memory.build(projection_size, coarse_classes)
        self.method = method
        self.temperature = temperature
        self.key_momentum = key_momentum
        self.precision = precision
        self.micro_batches = micro_batches
        self.processes = processes

    def forward(self, batch: Batch, keys: Keys | None) -> Tensor:
        """L of a batch, a scalar, of which this process encodes its share; ``keys`` is None for a method without."""
        method = self.method
        features, projection = self.encode_queries(batch.query_view)  # [B, F], [B, D]
        loss = projection.new_zeros(())
        if keys is not None:
            contrast = self.contrast(unit(projection), keys)
            if method.mixup is not None:
                mixed = mixed_contrast(self, method.mixup, batch, keys)
                contrast = (1 - method.mixup.weight) * contrast + method.mixup.weight * mixed
            loss = method.contrast_weight * contrast
        if method.extra_head is not None:
            scene = self.scene(batch, features, projection)
            loss = loss + method.extra_head.weight * method.extra_head.loss(self.extra_head, scene)
        return loss

    def contrast(self, q: Tensor, keys: Keys) -> Tensor:
        """Cross-entropy of queries [B, D], unit rows, against the method's target; a scalar."""
        method = self.method
        k, queue = keys.own, keys.queue
        if method.angle is not None:
            q = method.angle(self.extra_head, q, keys.own_coarse)
            k = method.angle(self.extra_head, k, keys.own_coarse)
            queue = method.angle(self.extra_head, queue, keys.queue_coarse)
        key_set = batch_and_queue if method.batch_keys else own_and_queue
        similarities = key_set(q, k, queue)  # S: [B, 1 + K], or [B, B + K] over the keys of the batch
        target = method.target(keys)  # Z, of the same shape
        kept = method.kept and method.kept(similarities.detach(), keys)  # None: all keys count
        return soft_cross_entropy(similarities, target, self.temperature, kept)

    @torch.no_grad()
    def encode_keys(self, batch: Batch, progress: float = 0.0) -> Keys:
        """The batch's keys and the queue, with all else that a target may be made of."""
        k, features = self.encode_key_view(batch.key_view)
        return Keys(
            own=k,
            queue=self.queue.keys,
            own_coarse=batch.coarse,
            queue_coarse=self.queue.coarse,
            progress=progress,
            generator=batch.generator("target"),
            memory=self.memory,
            draw=self.method.draw,
            own_features=features,
            queue_features=self.queue.features,
        )

    @torch.no_grad()
    def encode_key_view(self, view: Tensor) -> tuple[Tensor, Tensor | None]:
        """Keys float32 [B, D] of a view, unit rows, and the features float32 [B, F] behind them, where a method uses
        those. Batch norm is in training mode, with statistics of its own."""
        view = self.processes.exchanged_for_keys(view)
        with self._autocast(view):
            features, projection = encode_in_parts(self.key_network, view, self.micro_batches)
        k = unit(self.processes.joined_keys(projection.float()))
        return k, unit(self.processes.joined_keys(features.float())) if self.method.uses_features else None

    def encode_queries(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """float32 features [B, F] and projections [B, D] of a view, of which [b, ...] is here; with gradient."""
        with self._autocast(view):
            features, projection = encode_in_parts(self.query_network, view, self.micro_batches)
        return self.processes.joined(features.float()), self.processes.joined(projection.float())

    def scene(self, batch: Batch, features: Tensor, projection: Tensor) -> Scene:
        """What the loss of an extra head is computed from."""
        return Scene(
            features,
            projection,
            batch.coarse,
            encode_other_view=lambda: self.encode_queries(batch.key_view),
            places=batch.places,
            nearest=self.encode_nearest(batch) if self.method.multi_crop else [],
        )

    def encode_nearest(self, batch: Batch) -> list[NearestView]:
        """A query view of each of the nearest images of every image."""
        generator = batch.generator("nearest images")
        return [
            NearestView(places, *self.encode_queries(batch.view_of(places, generator)))
            for places in self.memory.nearest[batch.places].unbind(dim=1)
        ]

    @torch.no_grad()
    def encode_for_memory(self, images: Tensor) -> Tensor:
        """float32 [B, D], unit rows, of images as they are and in evaluation mode: keys, or queries without keys."""
        network = self.key_network if self.method.uses_keys else self.query_network
        network.eval()
        with self._autocast(images):
            projection = network(images)[1]
        network.train()
        return unit(projection.float())

    def trained_parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def _autocast(self, images: Tensor) -> AbstractContextManager:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(images.device.type, dtype=self.precision)


@torch.no_grad()
def move_key_network(key_network: nn.Module, query_network: nn.Module, momentum: float) -> None:
    """f_k <- m f_k + (1 - m) f_q, of parameters alone: batch-norm statistics stay the key network's. In place.

    On a GPU all at once, where a launch costs more than the few numbers of most parameters; on the CPU one parameter
    at a time stays in its cache.
    """
    keys, queries = list(key_network.parameters()), list(query_network.parameters())
    if keys[0].device.type == "cuda":
        torch._foreach_lerp_(keys, queries, 1 - momentum)
        return
    for key_parameter, query_parameter in zip(keys, queries, strict=True):
        key_parameter.lerp_(query_parameter, 1 - momentum)


def unit(vectors: Tensor) -> Tensor:
    """Rows brought to length 1."""
    return nn.functional.normalize(vectors, dim=1)

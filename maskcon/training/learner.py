"""The networks of one training: how images become queries and keys, and all that is kept beside them.

learner = build_learner(parameters, coarse_classes=10, device=device)
keys = learner.encode_keys(batch)
loss = learner(batch, keys)                 # step.batch_loss
"""

import copy
import os
import shutil
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from maskcon.encoders.networks import ProjectedEncoder, build_encoder
from maskcon.encoders.networks.adapter import Adapter
from maskcon.methods.parts.interface import Keys, Method, NearestView, Scene, build_method
from maskcon.methods.parts.key_queue import KeyQueue
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters
from maskcon.runtime.hardware import multiplies_bfloat16
from maskcon.runtime.randomness import derived_seed
from maskcon.training.batches import Batch
from maskcon.training.micro_batches import encode_in_parts
from maskcon.training.processes import ALONE, Processes
from maskcon.training.step import batch_loss, unit


class ContrastiveLearner(nn.Module):
    """Query network, key network, queue, and what the method keeps beside them: all that a checkpoint must hold.

    Args:
        query_network: f_q, trained by gradient; the key network f_k starts as its copy.
        coarse_classes: C, for an extra head or memory.
        precision: torch.float32, or torch.bfloat16 for autocast in both networks. Similarities, targets and losses are
            always float32.
        micro_batches: parts that a batch is encoded in, see micro_batches.py.
        processes: those that share each batch, see processes.py.
        batch_norm_as_loaded: batch norms keep the statistics that they start with.
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
        batch_norm_as_loaded: bool = False,
    ):
        super().__init__()
        feature_size, projection_size = query_network.encoder.feature_size, queue.keys.shape[1]
        self.query_network = query_network
        self.key_network = copy.deepcopy(query_network).requires_grad_(False)
        self.queue = queue
        head, memory = method.extra_head, method.memory
        self.extra_head: Any = head and head.build(feature_size, projection_size, coarse_classes)
        self.memory: Any = memory and memory.build(projection_size, coarse_classes)
        self.method = method
        self.temperature = temperature
        self.key_momentum = key_momentum
        self.precision = precision
        self.micro_batches = micro_batches
        self.processes = processes
        self.batch_norm_as_loaded = batch_norm_as_loaded

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.batch_norm_as_loaded:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def forward(self, batch: Batch, keys: Keys | None) -> Tensor:
        """``batch_loss``, as a module that DistributedDataParallel can wrap; this process encodes its share."""
        return batch_loss(self, batch, keys)

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
        self.train()
        return unit(projection.float())

    def trained_parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def _autocast(self, images: Tensor) -> torch.autocast:
        return torch.autocast(images.device.type, self.precision, enabled=self.precision != torch.float32)


def build_learner(
    parameters: Parameters,
    coarse_classes: int,
    device: torch.device,
    processes: Processes = ALONE,
    adapter: Adapter | None = None,
    queue_size: int | None = None,
) -> ContrastiveLearner:
    """Networks with weights drawn from the run's seed, an empty queue, and the method.

    Args:
        adapter: trained in place of the encoder, on the features of a frozen one.
        queue_size: K; None: train.queue_size.
    """
    model = parameters.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(parameters.seed, "weights"))
        encoder = adapter or build_encoder(model, parameters.data)
        network = ProjectedEncoder(encoder, model.projector_hidden_size, model.projection_size)
        method = build_method(parameters.loss)
        learner = ContrastiveLearner(
            processes.prepared(network, device),
            KeyQueue(
                queue_size or parameters.train.queue_size,
                model.projection_size,
                encoder.feature_size if method.uses_features else None,
            ),
            method,
            coarse_classes,
            parameters.loss.temperature,
            parameters.train.key_momentum,
            training_precision(parameters.train.precision, device),
            parameters.train.accumulate,
            processes,
            parameters.train.batch_norm == "as_loaded",
        )
    if parameters.train.compile:
        require_compiler()
        learner.query_network.compile()
        learner.key_network.compile()
    return learner.to(device).train()


def require_compiler() -> None:
    """Raises: UserError, where torch.compile would find no C++ compiler."""
    if shutil.which(os.environ.get("CXX", "c++")) is None and shutil.which("g++") is None:
        raise UserError("train.compile=true needs a C++ compiler, such as g++; install one, or set train.compile=false")


def training_precision(wanted: str, device: torch.device) -> torch.dtype:
    """ "auto" is bfloat16 where the device multiplies in it: on CUDA, and on processors with AMX or AVX512-BF16."""
    if wanted == "auto":
        return torch.bfloat16 if device.type == "cuda" or multiplies_bfloat16() else torch.float32
    return getattr(torch, wanted)

"""Training from first to last epoch: fill the queue, step, keep the curve, keep checkpoints.

trained = train(training_set, parameters, device, Checkpoints(folder), watcher)
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from maskcon.augmentation.views import view_maker
from maskcon.batches import TwoViewBatches
from maskcon.datasets.packed import TrainingSet
from maskcon.encoders import Encoder, ProjectedEncoder, build_encoder
from maskcon.errors import UserError
from maskcon.image_stream import blocks_of, resident_or_streamed
from maskcon.key_queue import KeyQueue
from maskcon.methods.interface import build_method
from maskcon.parameters import Parameters
from maskcon.randomness import derived_seed, torch_generator
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.schedule import learning_rate
from maskcon.training.step import ContrastiveLearner, training_step


class Watcher(Protocol):
    """Who is told how training goes."""

    def resumed(self, curve: list[dict[str, Any]]) -> None:
        """Once, where training goes on from a checkpoint, with the rows of the epochs done."""

    def step_done(self, epoch: int, loss: torch.Tensor) -> None:
        """After every step, with the loss still on the device: reading it waits for the device."""

    def epoch_done(self, curve: list[dict[str, Any]]) -> None:
        """After every epoch, with the rows of all so far."""

    def snapshot(self, epoch: int, encoder: Encoder) -> None:
        """Every train.snapshot_epochs epochs."""


@dataclass(frozen=True)
class Trained:
    encoder: Encoder  # of the query network, after the last step
    untrained: Encoder  # the same before the first step
    curve: list[dict[str, Any]]  # a row an epoch


def train(
    training_set: TrainingSet, parameters: Parameters, device: torch.device, checkpoints: Checkpoints, watcher: Watcher
) -> Trained:
    """Train an encoder on images with coarse labels; resumes from the latest checkpoint.

    Raises:
        UserError: the loss is no longer finite.
    """
    train_parameters = parameters.train
    view_size = parameters.data.height, parameters.data.width
    batches = TwoViewBatches(
        resident_or_streamed(training_set.images, parameters.data.channels, device, train_parameters.resident_share),
        torch.from_numpy(training_set.coarse).to(device),
        view_maker(parameters.data.augmentation, train_parameters.query_view, view_size),
        view_maker(parameters.data.augmentation, train_parameters.key_view, view_size),
        train_parameters.batch_size,
        parameters.seed,
        None if training_set.stretch is None else torch.from_numpy(training_set.stretch),
    )
    learner = build_learner(parameters, len(training_set.coarse_names), device)
    optimizer = torch.optim.SGD(
        learner.trained_parameters(),
        lr=train_parameters.learning_rate,
        momentum=train_parameters.sgd_momentum,
        weight_decay=train_parameters.weight_decay,
    )
    untrained = copy.deepcopy(learner.query_network.encoder)

    curve: list[dict[str, Any]] = []
    state = checkpoints.load_latest()
    if state is None:
        fill_queue(learner, batches)
    else:
        learner.load_state_dict(state["learner"])
        optimizer.load_state_dict(state["optimizer"])
        curve = state["curve"]
        watcher.resumed(curve)

    saved_at = time.monotonic()
    for epoch in range(len(curve) + 1, train_parameters.epochs + 1):
        renew_memory(epoch, learner, batches)
        curve.append(train_epoch(epoch, learner, optimizer, batches, parameters, watcher.step_done))
        watcher.epoch_done(curve)
        if train_parameters.snapshot_epochs and epoch % train_parameters.snapshot_epochs == 0:
            watcher.snapshot(epoch, learner.query_network.encoder)
        if time.monotonic() - saved_at >= train_parameters.checkpoint_seconds:
            state = {"learner": learner.state_dict(), "optimizer": optimizer.state_dict(), "curve": curve}
            checkpoints.save(epoch, state)
            saved_at = time.monotonic()
    return Trained(learner.query_network.encoder, untrained, curve)


def build_learner(parameters: Parameters, coarse_classes: int, device: torch.device) -> ContrastiveLearner:
    """Networks with weights drawn from the run's seed, an empty queue, and the method."""
    model = parameters.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(parameters.seed, "weights"))
        encoder = build_encoder(model, parameters.data)
        learner = ContrastiveLearner(
            ProjectedEncoder(encoder, model.projector_hidden_size, model.projection_size),
            KeyQueue(parameters.train.queue_size, model.projection_size),
            build_method(parameters.loss),
            coarse_classes,
            parameters.loss.temperature,
            parameters.train.key_momentum,
            training_precision(parameters.train.precision, device),
        )
    return learner.to(device).train()


def training_precision(wanted: str, device: torch.device) -> torch.dtype:
    """ "auto" is bfloat16 on CUDA, where it is faster, and float32 elsewhere."""
    if wanted == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return getattr(torch, wanted)


def fill_queue(learner: ContrastiveLearner, batches: TwoViewBatches) -> None:
    """Fill the queue with real keys and their coarse labels before the first step, where the method uses it."""
    if not learner.method.uses_keys:
        return
    missing = len(learner.queue.keys)
    for repetition in range(missing):  # small sets fill a large queue with several views of each image
        for batch in batches.epoch(f"queue {repetition}"):
            learner.queue.enqueue(learner.encode_keys(batch.key_view), batch.coarse)
            missing -= len(batch.coarse)
            if missing <= 0:
                return


def renew_memory(epoch: int, learner: ContrastiveLearner, batches: TwoViewBatches) -> None:
    """Give a method with a memory the keys of all training images, unaugmented and in evaluation mode."""
    memory = learner.method.memory
    if memory is None or epoch < memory.first_epoch:
        return
    chunks = blocks_of(batches.images, torch.arange(len(batches.images)).split(batches.batch_size))
    keys = torch.cat([learner.encode_for_memory(images / 255) for images in chunks])  # [N, D]
    generator = torch_generator(batches.seed, "memory", epoch)
    memory.renew(learner.memory, keys, batches.coarse, epoch, generator)


def train_epoch(
    epoch: int,
    learner: ContrastiveLearner,
    optimizer: torch.optim.Optimizer,
    batches: TwoViewBatches,
    parameters: Parameters,
    step_done: Callable[[int, torch.Tensor], None],
) -> dict[str, Any]:
    """One pass over the images; returns the epoch's row of the curve.

    Raises:
        UserError: the mean loss is not finite.
    """
    train_parameters = parameters.train
    steps = len(batches)
    start = time.perf_counter()
    loss_sum = torch.zeros((), device=batches.images.device)
    for step, batch in enumerate(batches.epoch(epoch)):
        steps_done = (epoch - 1) * steps + step
        rate = learning_rate(
            step=steps_done,
            base=train_parameters.learning_rate,
            warmup_steps=train_parameters.warmup_epochs * steps,
            total_steps=train_parameters.epochs * steps,
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = training_step(learner, optimizer, batch, progress=steps_done / (train_parameters.epochs * steps))
        loss_sum += loss
        step_done(epoch, loss)

    mean_loss = (loss_sum / steps).item()  # the only wait for the device in an epoch
    seconds = time.perf_counter() - start
    if not math.isfinite(mean_loss):
        raise UserError(
            f"the loss became {mean_loss} in epoch {epoch}, at learning rate {rate:.3g}; "
            "lower train.learning_rate or raise loss.temperature"
        )
    return {
        "epoch": epoch,
        "loss": mean_loss,
        "learning_rate": rate,
        "images_per_second": steps * batches.batch_size / seconds,
        "seconds": seconds,
    }

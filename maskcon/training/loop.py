"""Training from first to last epoch: fill the queue, step, keep the curve, keep checkpoints.

trained = train(training_set, parameters, device, Checkpoints(folder), watcher)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from maskcon.encoders.networks import Encoder
from maskcon.images.packed.image_set import TrainingSet
from maskcon.parameters.errors import Interrupted, UserError
from maskcon.parameters.model import Parameters, TrainParameters
from maskcon.runtime.randomness import torch_generator
from maskcon.training.batches import Batch, TwoViewBatches
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.keeping import Keeper
from maskcon.training.learner import ContrastiveLearner, build_learner
from maskcon.training.processes import ALONE, Processes
from maskcon.training.schedule import learning_rate
from maskcon.training.state import EpochSoFar, TrainingState
from maskcon.training.step import training_step
from maskcon.training.what_learns import what_learns

LOOK_STEPS = 100  # between two looks for steps that were not finite: a look waits for the device


class Watcher:
    """Who is told how training goes; this one does nothing about it."""

    def resumed(self, curve: list[dict[str, Any]], steps: int) -> None:
        """Once, where training goes on from a checkpoint, with the rows of the epochs done, and steps beyond them."""

    def step_done(self, epoch: int, loss: torch.Tensor) -> None:
        """After every step, with the loss still on the device: reading it waits for the device."""

    def epoch_done(self, curve: list[dict[str, Any]]) -> None:
        """After every epoch, with the rows of all so far."""

    def snapshot(self, epoch: int, encoder: Encoder) -> None:
        """Every train.snapshot_epochs epochs; again later where it raised CannotWrite."""


@dataclass(frozen=True)
class Trained:
    encoder: Encoder  # of the query network, after the last step
    untrained: Encoder  # the same before the first step
    curve: list[dict[str, Any]]  # one row per epoch
    queue_size: int  # train.queue_size, or half the training images where a frozen backbone has fewer
    whitened: Encoder | None = None  # of a frozen backbone: with the adapter before its first step


def train(
    training_set: TrainingSet,
    parameters: Parameters,
    device: torch.device,
    checkpoints: Checkpoints,
    watcher: Watcher,
    interruption: Callable[[], Interrupted | None] = lambda: None,
    processes: Processes = ALONE,
) -> Trained:
    """Train an encoder on images with coarse labels; resumes from the latest checkpoint.

    Args:
        interruption: asked after every step; what it returns is raised once a checkpoint is written.
        processes: those that train together, each of which calls this with the same training set and parameters.

    Raises:
        UserError: the loss is no longer finite, or a snapshot could not be written to the end.
        Interrupted: as ``interruption`` said.
    """
    recipe = parameters.train
    what = what_learns(training_set, parameters, device, processes)
    batches: TwoViewBatches = what.batches
    classes = len(training_set.coarse_names)
    learner = build_learner(parameters, classes, device, processes, what.adapter, what.queue_size)
    untrained, whitened = what.before_training(learner.query_network)
    state = first_state(learner, recipe)
    saved = processes.from_first(checkpoints.load_latest())
    if saved is None:
        fill_queue(learner, batches)
    else:
        state.load_state_dict(saved)
        watcher.resumed(state.curve, state.epoch_so_far.steps)

    keeper = Keeper(checkpoints, watcher.snapshot, recipe.checkpoint_seconds, recipe.checkpoint_steps)
    loss_of = processes.with_mean_gradients(learner, all_weights_used=learner.method.uses_keys)
    for epoch in range(len(state.curve) + 1, recipe.epochs + 1):
        if state.epoch_so_far.steps == 0:
            renew_memory(epoch, learner, batches)
        for batch in batches.epoch(epoch, first_batch=state.epoch_so_far.steps):
            loss = take_step(state, batch, loss_of, epoch, len(batches), recipe)
            watcher.step_done(epoch, loss)

            steps = (epoch - 1) * len(batches) + state.epoch_so_far.steps  # of the whole training
            epoch_done = state.epoch_so_far.steps == len(batches)
            asked_to_end = agreed(processes, interruption())
            keep = asked_to_end or keeper.is_due(steps) or steps == recipe.epochs * len(batches)
            if keep or epoch_done or steps % LOOK_STEPS == 0:
                require_finite(state, epoch)
            if epoch_done:
                finish_epoch(state, epoch, recipe.batch_size)
                watcher.epoch_done(state.curve)
                if recipe.snapshot_epochs and epoch % recipe.snapshot_epochs == 0:
                    keeper.snapshot(epoch, what.encoder(learner.query_network))
            if keep:
                keeper.checkpoint(steps, state)
            if asked_to_end:
                raise asked_to_end
    keeper.write_snapshots()
    return Trained(what.encoder(learner.query_network), untrained, state.curve, what.queue_size, whitened)


def first_state(learner: ContrastiveLearner, recipe: TrainParameters) -> TrainingState:
    """The state before the first step, with SGD as the optimizer."""
    backbone = list(learner.query_network.encoder.parameters())
    of_backbone = {id(weight) for weight in backbone}
    heads = [weight for weight in learner.trained_parameters() if id(weight) not in of_backbone]
    share = recipe.backbone_rate if recipe.backbone == "trained" else 1.0  # what is trained beside a frozen one is new
    groups = [{"params": heads, "rate_share": 1.0}, {"params": backbone, "rate_share": share}]
    optimizer = torch.optim.SGD(groups, recipe.learning_rate, recipe.sgd_momentum, weight_decay=recipe.weight_decay)
    return TrainingState(learner, optimizer, EpochSoFar(learner.queue.keys.device))


def agreed(processes: Processes, asked_to_end: Interrupted | None) -> Interrupted | None:
    """What any of the processes was asked, so that all end at the same step."""
    signal_number = processes.largest(asked_to_end.number if asked_to_end else 0)
    return asked_to_end or (Interrupted(signal_number) if signal_number else None)


def fill_queue(learner: ContrastiveLearner, batches: TwoViewBatches) -> None:
    """Fill the queue with real keys and their coarse labels before the first step, where the method uses it."""
    if not learner.method.uses_keys:
        return
    missing = len(learner.queue.keys)
    for repetition in range(missing):  # small sets fill a large queue with several views of each image
        for batch in batches.epoch(f"queue {repetition}"):
            keys, features = learner.encode_key_view(batch.key_view)
            learner.queue.enqueue(keys, batch.coarse, features)
            missing -= len(batch.coarse)
            if missing <= 0:
                return


def renew_memory(epoch: int, learner: ContrastiveLearner, batches: TwoViewBatches) -> None:
    """Give a method with a memory the keys of all training images: whole, as large as views, in evaluation mode."""
    memory = learner.method.memory
    if memory is None or epoch < memory.first_epoch:
        return
    processes = learner.processes
    processes.take_from_first(learner.buffers())  # with shuffled batch norm each has seen other statistics
    images = batches.number
    places = torch.arange(-(-images // processes.number) * processes.number) % images  # as many for each process
    chunks = batches.whole(processes.share_of(places))
    keys = torch.cat([learner.encode_for_memory(chunk) for chunk in chunks])
    keys = processes.joined(keys)[:images]  # [N, D]
    generator = torch_generator(batches.seed, "memory", epoch)
    memory.renew(learner.memory, keys, batches.coarse, epoch, generator)
    processes.take_from_first(learner.memory.buffers())  # clusters of GPUs may differ in last digits


def take_step(
    state: TrainingState,
    batch: Batch,
    loss_of: Callable[..., torch.Tensor],
    epoch: int,
    steps_per_epoch: int,
    recipe: TrainParameters,
) -> torch.Tensor:
    """One step, counted in the epoch so far; returns its loss, still on the device."""
    number, total = (epoch - 1) * steps_per_epoch + state.epoch_so_far.steps, recipe.epochs * steps_per_epoch
    rate = learning_rate(number, recipe.learning_rate, recipe.warmup_epochs * steps_per_epoch, total)
    for group in state.optimizer.param_groups:
        group["lr"] = rate * group["rate_share"]
    loss = training_step(state.learner, state.optimizer, batch, number / total, loss_of)
    state.epoch_so_far.add(loss)
    return loss


def require_finite(state: TrainingState, epoch: int) -> None:
    """Raises: UserError, where a loss of this epoch or a weight is not finite. Waits for the device."""
    weights = torch.nn.utils.get_total_norm(state.learner.trained_parameters())
    if not (state.epoch_so_far.loss_sum + weights).isfinite():
        raise UserError(
            f"the loss or a weight is not finite in epoch {epoch}, at step {state.epoch_so_far.steps} or before, "
            f"learning rate {state.rate:.3g}; lower train.learning_rate or raise loss.temperature"
        )


def finish_epoch(state: TrainingState, epoch: int, batch_size: int) -> None:
    """Append the epoch's row to the curve, and begin to count the next. Waits for the device."""
    done = state.epoch_so_far
    mean_loss, seconds = done.mean_loss, done.seconds
    state.curve.append(
        {
            "epoch": epoch,
            "loss": mean_loss,
            "learning_rate": state.rate,
            "images_per_second": done.steps * batch_size / seconds,
            "seconds": seconds,
        }
    )
    state.epoch_so_far = EpochSoFar(done.loss_sum.device)

"""Stage pretrain: the encoder, trained by the method on images with coarse labels."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from maskcon.encoders.networks import Encoder, save_encoder
from maskcon.images.packed.image_set import TrainingSet, read_training_set
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters
from maskcon.parameters.train import cannot_be_shared
from maskcon.runtime.atomic_files import (
    CannotWrite,
    remove_unfinished,
    require_writable,
    write_atomically,
    write_json,
    write_table,
    write_text,
)
from maskcon.runtime.entry import is_out_of_memory, out_of_memory, run_stage
from maskcon.runtime.freed_memory import keep_freed_memory
from maskcon.runtime.hardware import hardware
from maskcon.runtime.interruption import Interruptions
from maskcon.runtime.live import show_live_curves
from maskcon.runtime.run_key import hash_of_training, run_name
from maskcon.runtime.same_inputs import require_unchanged_inputs
from maskcon.runtime.scratch import discard, scratch_folder
from maskcon.runtime.several_processes import done_by_several
from maskcon.runtime.start import VERBOSE
from maskcon.training.checkpoint import Checkpoints, NoCheckpoints
from maskcon.training.loop import Trained, Watcher, train
from maskcon.training.processes import Processes, joined_processes
from maskcon.training.progress import Progress

MODELS = Path("models")
OUTPUT_FOLDERS = (MODELS, Path("metrics"), Path("plots"))


CURVE_COLUMNS = ("epoch", "loss", "learning_rate", "images_per_second", "seconds")  # of a training without epochs


class ShownAndKept(Watcher):
    """Shows progress, and keeps curve and snapshots in the scratch folder, where an interruption leaves them."""

    def __init__(self, parameters: Parameters, images: int, scratch: Path):
        steps = images // parameters.train.batch_size
        self.parameters = parameters
        self.progress = Progress(parameters.train.epochs, steps, parameters.train.batch_size, every_epoch=VERBOSE)
        self.curve_file = scratch / "curve.csv"
        self.snapshots = scratch / "snapshots"

    def resumed(self, curve: list[dict[str, Any]], steps: int) -> None:
        self._show_curve(curve)
        self.progress.resumed(curve, steps)

    def step_done(self, epoch: int, loss: torch.Tensor) -> None:
        self.progress.step_done(epoch, loss)

    def epoch_done(self, curve: list[dict[str, Any]]) -> None:
        self._show_curve(curve)
        self.progress.epoch_done(curve[-1])

    def snapshot(self, epoch: int, encoder: Encoder) -> None:
        save_encoder(self.snapshots / f"epoch_{epoch:04d}.pt", encoder, self.parameters.model, self.parameters.data)

    def _show_curve(self, curve: list[dict[str, Any]]) -> None:
        """For MLflow's live curves alone: the curve itself is in the checkpoints, so a full disk is no matter here."""
        if curve:
            with contextlib.suppress(CannotWrite):
                write_table(self.curve_file, curve)


def main(parameters: Parameters, interruptions: Interruptions) -> None:
    training_set = read_training_set(Path("data/sets") / parameters.data.name / "train")
    images, batch_size = len(training_set.images), parameters.train.batch_size
    if images < batch_size:
        raise UserError(f"train.batch_size={batch_size} is more than the {images} images to train on; lower it")
    for folder in OUTPUT_FOLDERS:
        require_writable(folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    if done_by_several("stages.pretrain", parameters.train.processes):
        return
    keep_freed_memory()
    with joined_processes(parameters.train.batch_norm) as processes:
        require_shares(parameters, processes)
        if processes.is_first:
            train_and_write(training_set, parameters, device, processes, interruptions)
            return
        with enough_memory(parameters), interruptions.postponed():
            train(
                training_set,
                parameters,
                device,
                NoCheckpoints(Path()),
                Watcher(),  # the first process shows, and writes
                lambda: interruptions.pending,
                processes,
            )


def train_and_write(
    training_set: TrainingSet,
    parameters: Parameters,
    device: torch.device,
    processes: Processes,
    interruptions: Interruptions,
) -> None:
    """What the first process does, or the one that is alone: train, and keep all that training leaves."""
    root = Path(os.environ.get("DVC_ROOT", Path.cwd())) / ".scratch"
    name = key_of_training(parameters, training_set, device)
    require_same = require_unchanged_inputs(os.environ.get("DVC_STAGE"), Path.cwd())
    with scratch_folder(root, name, f"training {run_name(parameters)} on {parameters.data.name}") as scratch:
        watcher = ShownAndKept(parameters, len(training_set.images), scratch)
        remove_unfinished(watcher.snapshots)
        with (
            show_live_curves(watcher.curve_file, checkout=Path.cwd(), enabled=parameters.track.live),
            enough_memory(parameters),
            interruptions.postponed(),
        ):
            trained = train(
                training_set,
                parameters,
                device,
                Checkpoints(scratch),
                watcher,
                lambda: interruptions.pending,
                processes,
            )
        watcher.progress.close()
        require_same()  # while the checkpoints are still there
        write_outputs(trained, watcher.snapshots, parameters, device, processes.number)
        discard(scratch)  # the run is complete: its checkpoints have done their work


def key_of_training(parameters: Parameters, training_set: TrainingSet, device: torch.device) -> str:
    """What a checkpoint must agree with to be gone on from: code and parameters, the images, and what computes."""
    inputs = hash_of_training(Path.cwd(), parameters)
    computed_by = hashlib.sha256(f"{torch.__version__} {device.type}".encode()).hexdigest()
    return f"{inputs[:24]}-{training_set.digest()[:24]}-{computed_by[:8]}"


@contextlib.contextmanager
def enough_memory(parameters: Parameters) -> Iterator[None]:
    """Raises: UserError, where the block runs out of memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        train_parameters, data = parameters.train, parameters.data
        raise UserError(
            f"{out_of_memory(error, 'this training')}; lower train.batch_size={train_parameters.batch_size}, "
            f"train.queue_size={train_parameters.queue_size}, or data.height={data.height} and data.width={data.width}"
        ) from None


def require_shares(parameters: Parameters, processes: Processes) -> None:
    """Raises: UserError, where torchrun started a number of processes that the batch cannot be cut for."""
    recipe = parameters.train
    if problem := cannot_be_shared(recipe.batch_size, processes.number, recipe.accumulate):
        raise UserError(f"train.{problem} ({processes.number} processes, train.accumulate={recipe.accumulate})")


def write_outputs(
    trained: Trained, snapshots: Path, parameters: Parameters, device: torch.device, processes: int
) -> None:
    for folder in OUTPUT_FOLDERS:  # DVC takes the whole folder models for what later stages depend on
        remove_unfinished(folder)
    shutil.rmtree(MODELS / "snapshots", ignore_errors=True)
    about = "Weights after every train.snapshot_epochs epochs; DVC warns of folders without a file.\n"
    write_text(MODELS / "snapshots/README", about)
    for snapshot in sorted(snapshots.glob("*.pt")):
        with open(snapshot, "rb") as weights:
            write_atomically(MODELS / "snapshots" / snapshot.name, partial(shutil.copyfileobj, weights))
    save_encoder(MODELS / "untrained.pt", trained.untrained, parameters.model, parameters.data)
    shutil.rmtree(MODELS / "whitened", ignore_errors=True)
    write_text(
        MODELS / "whitened/README", "Of a frozen backbone: the encoder with whitened features, before training.\n"
    )
    if trained.whitened is not None:
        save_encoder(MODELS / "whitened/encoder.pt", trained.whitened, parameters.model, parameters.data)
    save_encoder(MODELS / "encoder.pt", trained.encoder, parameters.model, parameters.data)
    if trained.curve:
        write_table(Path("plots/pretrain.csv"), trained.curve)
    else:
        write_text(Path("plots/pretrain.csv"), ",".join(CURVE_COLUMNS) + "\n")
    seconds = sum(row["seconds"] for row in trained.curve)
    images_seen = sum(row["seconds"] * row["images_per_second"] for row in trained.curve)
    summary = {
        "loss": trained.curve[-1]["loss"] if trained.curve else None,
        "epochs": len(trained.curve),
        "steps": round(images_seen / parameters.train.batch_size),
        "weights": sum(weight.numel() for weight in trained.encoder.parameters()),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "processes": processes,
        "hardware": hardware(device),
        "timing": {"seconds": seconds, "images_per_second": images_seen / seconds if seconds else None},
    }
    write_json(Path("metrics/pretrain.json"), summary)


if __name__ == "__main__":
    interruptions = Interruptions()
    run_stage(lambda parameters: main(parameters, interruptions), interruptions)

"""A training as the stage pretrain runs it: it goes on from its scratch folder, and leaves encoders, curve and numbers.

train_here(training_set, parameters, device, processes, interruptions)
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from maskcon.encoders.networks import Encoder, save_encoder
from maskcon.images.packed.image_set import TrainingSet
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters
from maskcon.runtime.atomic_files import CannotWrite, remove_unfinished, write_json, write_table, write_text
from maskcon.runtime.entry import is_out_of_memory, out_of_memory
from maskcon.runtime.hardware import hardware
from maskcon.runtime.interruption import Interruptions
from maskcon.runtime.live import show_live_curves
from maskcon.runtime.run_key import hash_of_work, run_name
from maskcon.runtime.same_inputs import require_unchanged_inputs
from maskcon.runtime.scratch import discard, scratch_folder
from maskcon.runtime.start import VERBOSE
from maskcon.training.checkpoint import Checkpoints, NoCheckpoints
from maskcon.training.learner import training_precision
from maskcon.training.loop import Trained, Watcher, train
from maskcon.training.processes import Processes
from maskcon.training.progress import Progress

MODELS = Path("models")
CURVE_COLUMNS = ("epoch", "loss", "learning_rate", "images_per_second", "seconds")


class ShownAndKept(Progress):
    """Shows progress, and keeps curve and snapshots in the scratch folder, where an interruption leaves them."""

    def __init__(self, parameters: Parameters, images: int, scratch: Path):
        recipe = parameters.train
        super().__init__(recipe.epochs, images // recipe.batch_size, recipe.batch_size, every_epoch=VERBOSE)
        self.parameters = parameters
        self.curve_file = scratch / "curve.csv"
        self.snapshots = scratch / "snapshots"

    def resumed(self, curve: list[dict[str, Any]], steps: int) -> None:
        self._write_curve(curve)
        super().resumed(curve, steps)

    def epoch_done(self, curve: list[dict[str, Any]]) -> None:
        self._write_curve(curve)
        super().epoch_done(curve)

    def snapshot(self, epoch: int, encoder: Encoder) -> None:
        save_encoder(self.snapshots / f"epoch_{epoch:04d}.pt", encoder, self.parameters.model, self.parameters.data)

    def _write_curve(self, curve: list[dict[str, Any]]) -> None:
        """For MLflow's live curves alone: the curve itself is in the checkpoints, so a full disk does no harm here."""
        with contextlib.suppress(CannotWrite):
            write_table(self.curve_file, curve, CURVE_COLUMNS)


def train_here(
    training_set: TrainingSet,
    parameters: Parameters,
    device: torch.device,
    processes: Processes,
    interruptions: Interruptions,
) -> None:
    """Train; the first process shows it, keeps checkpoints and writes the outputs into the current folder."""

    def trained_by(checkpoints: Checkpoints, watcher: Watcher) -> Trained:
        with enough_memory(parameters), interruptions.postponed():
            return train(
                training_set, parameters, device, checkpoints, watcher, lambda: interruptions.pending, processes
            )

    if not processes.is_first:
        trained_by(NoCheckpoints(Path()), Watcher())
        return
    root = Path(os.environ.get("DVC_ROOT", Path.cwd())) / ".scratch"
    name = key_of_training(parameters, training_set, device)
    require_same = require_unchanged_inputs(os.environ.get("DVC_STAGE"), Path.cwd())
    with scratch_folder(root, name, f"training {run_name(parameters)} on {parameters.data.name}") as scratch:
        watcher = ShownAndKept(parameters, len(training_set.images), scratch)
        remove_unfinished(watcher.snapshots)
        with show_live_curves(watcher.curve_file, checkout=Path.cwd(), enabled=parameters.track.live):
            trained = trained_by(Checkpoints(scratch), watcher)
        require_same()  # while the checkpoints are still there
        write_outputs(trained, watcher.snapshots, parameters)
        write_json(Path("metrics/pretrain.json"), summary(trained, parameters, device, processes.number))
        discard(scratch)  # the run is complete: its checkpoints have done their work


def key_of_training(parameters: Parameters, training_set: TrainingSet, device: torch.device) -> str:
    """What a checkpoint must agree with to be gone on from: code and parameters, the images, and what computes."""
    inputs = hash_of_work(Path.cwd(), parameters)
    precision = training_precision(parameters.train.precision, device)
    computed_by = hashlib.sha256(f"{torch.__version__} {device.type} {precision}".encode()).hexdigest()
    return f"{inputs[:24]}-{training_set.digest()[:24]}-{computed_by[:8]}"


@contextlib.contextmanager
def enough_memory(parameters: Parameters) -> Iterator[None]:
    """Raises: UserError, where the block runs out of memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        recipe, data = parameters.train, parameters.data
        raise UserError(
            f"{out_of_memory(error, 'this training')}; lower train.batch_size={recipe.batch_size}, "
            f"train.queue_size={recipe.queue_size}, or data.height={data.height} and data.width={data.width}"
        ) from None


def write_outputs(trained: Trained, snapshots: Path, parameters: Parameters) -> None:
    """models/ made anew, and plots/pretrain.csv."""
    shutil.rmtree(MODELS, ignore_errors=True)  # DVC takes the whole folder for what later stages depend on
    for folder, about in {
        "snapshots": "Weights after every train.snapshot_epochs epochs; DVC warns of folders without a file.\n",
        "whitened": "Of a frozen backbone: the encoder with whitened features, before training.\n",
    }.items():
        write_text(MODELS / folder / "README", about)
    for snapshot in snapshots.glob("*.pt"):
        shutil.copyfile(snapshot, MODELS / "snapshots" / snapshot.name)
    encoders = {"untrained": trained.untrained, "whitened/encoder": trained.whitened, "encoder": trained.encoder}
    for name, encoder in encoders.items():
        if encoder is not None:
            save_encoder(MODELS / f"{name}.pt", encoder, parameters.model, parameters.data)
    write_table(Path("plots/pretrain.csv"), trained.curve, CURVE_COLUMNS)


def summary(trained: Trained, parameters: Parameters, device: torch.device, processes: int) -> dict[str, Any]:
    """The numbers of metrics/pretrain.json."""
    precision = training_precision(parameters.train.precision, device)
    seconds = sum(row["seconds"] for row in trained.curve)
    images_seen = sum(row["seconds"] * row["images_per_second"] for row in trained.curve)
    return {
        "loss": trained.curve[-1]["loss"] if trained.curve else None,
        "epochs": len(trained.curve),
        "steps": round(images_seen / parameters.train.batch_size),
        "queue_size": trained.queue_size,
        "weights": sum(weight.numel() for weight in trained.encoder.parameters()),
        "precision": str(precision).removeprefix("torch."),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "processes": processes,
        "hardware": hardware(device),
        "timing": {"seconds": seconds, "images_per_second": images_seen / seconds if seconds else None},
    }

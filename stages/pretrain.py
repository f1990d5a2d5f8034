"""Stage pretrain: the encoder, trained by the method on images with coarse labels."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from maskcon.atomic_files import write_json, write_table
from maskcon.datasets.packed import read_training_set
from maskcon.encoders import Encoder, save_encoder
from maskcon.errors import UserError
from maskcon.hardware import hardware
from maskcon.memory_needed import require_memory_for_step
from maskcon.parameters import Parameters
from maskcon.tracking.live import follow
from maskcon.tracking.run_key import hash_of_training
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import Trained, train
from maskcon.training.progress import Progress
from stages.entry import run_stage
from stages.scratch import scratch_folder

MODELS = Path("models")


class Watcher:
    """Shows progress, and keeps curve and snapshots in the scratch folder, where an interruption leaves them."""

    def __init__(self, parameters: Parameters, images: int, scratch: Path):
        steps = images // parameters.train.batch_size
        self.parameters = parameters
        self.progress = Progress(parameters.train.epochs, steps, parameters.train.batch_size)
        self.curve_file = scratch / "curve.csv"
        self.snapshots = scratch / "snapshots"
        self.snapshots.mkdir(parents=True, exist_ok=True)

    def resumed(self, curve: list[dict[str, Any]]) -> None:
        write_table(self.curve_file, curve)
        self.progress.resumed(curve)

    def step_done(self, epoch: int, loss: torch.Tensor) -> None:
        self.progress.step_done(epoch, loss)

    def epoch_done(self, curve: list[dict[str, Any]]) -> None:
        write_table(self.curve_file, curve)
        self.progress.epoch_done(curve[-1])

    def snapshot(self, epoch: int, encoder: Encoder) -> None:
        save_encoder(self.snapshots / f"epoch_{epoch:04d}.pt", encoder, self.parameters.model, self.parameters.data)


def main(parameters: Parameters) -> None:
    training_set = read_training_set(Path("data/sets") / parameters.data.name / "train")
    images, batch_size = len(training_set.images), parameters.train.batch_size
    if images < batch_size:
        raise UserError(f"train.batch_size={batch_size} is more than the {images} images to train on; lower it")

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    require_memory_for_step(parameters, torch.cuda.mem_get_info()[1] if device.type == "cuda" else None)
    root = Path(os.environ.get("DVC_ROOT", Path.cwd())) / ".scratch"
    with scratch_folder(
        root, f"{hash_of_training(Path.cwd(), parameters)[:24]}-{training_set.digest()[:24]}"
    ) as scratch:
        watcher = Watcher(parameters, images, scratch)
        with follow(watcher.curve_file, checkout=Path.cwd(), enabled=parameters.track.live):
            trained = train(training_set, parameters, device, Checkpoints(scratch), watcher)
        watcher.progress.close()
        write_outputs(trained, watcher.snapshots, parameters, device)
        shutil.rmtree(scratch)  # the run is complete: its checkpoints have done their work


def write_outputs(trained: Trained, snapshots: Path, parameters: Parameters, device: torch.device) -> None:
    shutil.copytree(snapshots, MODELS / "snapshots", dirs_exist_ok=True)
    save_encoder(MODELS / "untrained.pt", trained.untrained, parameters.model, parameters.data)
    save_encoder(MODELS / "encoder.pt", trained.encoder, parameters.model, parameters.data)
    write_table(Path("plots/pretrain.csv"), trained.curve)
    seconds = sum(row["seconds"] for row in trained.curve)
    images_seen = sum(row["seconds"] * row["images_per_second"] for row in trained.curve)
    summary = {
        "loss": trained.curve[-1]["loss"],
        "epochs": len(trained.curve),
        "steps": round(images_seen / parameters.train.batch_size),
        "weights": sum(weight.numel() for weight in trained.encoder.parameters()),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "hardware": hardware(device),
        "timing": {"seconds": seconds, "images_per_second": images_seen / seconds},
    }
    write_json(Path("metrics/pretrain.json"), summary)


if __name__ == "__main__":
    run_stage(main)

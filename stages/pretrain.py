"""Stage pretrain: the encoder, trained by the method on images with coarse labels."""

from pathlib import Path

import torch

from maskcon.images.packed.image_set import read_training_set
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters
from maskcon.runtime.atomic_files import require_place
from maskcon.runtime.entry import run_stage
from maskcon.runtime.freed_memory import keep_freed_memory
from maskcon.runtime.interruption import Interruptions
from maskcon.runtime.several_processes import done_by_several
from maskcon.training.processes import joined_processes, require_shares
from maskcon.training.run import train_here


def main(parameters: Parameters, interruptions: Interruptions) -> None:
    recipe = parameters.train
    training_set = read_training_set(Path("data/sets") / parameters.data.name / "train")
    images = len(training_set.images)
    if images < recipe.batch_size:
        raise UserError(f"train.batch_size={recipe.batch_size} is more than the {images} images to train on; lower it")
    for output in ("models/encoder.pt", "metrics/pretrain.json", "plots/pretrain.csv"):
        require_place(Path(output))

    if done_by_several("stages.pretrain", recipe.processes):
        return
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with joined_processes(recipe.batch_norm) as processes:
        require_shares(recipe, processes)
        train_here(training_set, parameters, device, processes, interruptions)


if __name__ == "__main__":
    interruptions = Interruptions()
    run_stage(lambda parameters: main(parameters, interruptions), interruptions)

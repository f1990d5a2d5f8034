"""Stage embed: features of val and test images by the encoder, its snapshots, the untrained one, and as raw pixels.

Of train images only where evaluate.measures has a measure that learns from them, and then without the snapshots.
"""

import shutil
from pathlib import Path

import numpy as np
import torch

from maskcon.atomic_files import write_atomically
from maskcon.datasets.packed import read_images
from maskcon.embeddings import embed, raw_pixels
from maskcon.encoders import load_encoder
from maskcon.parameters import Parameters
from stages.entry import run_stage

MODELS = Path("models")
SPLITS = ("val", "test")


def main(parameters: Parameters) -> None:
    data = parameters.data
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    final = [MODELS / "encoder.pt", MODELS / "untrained.pt"]
    snapshots = sorted((MODELS / "snapshots").glob("*.pt"))
    encoder_files = {split: [*final, *snapshots] for split in SPLITS}
    if parameters.evaluate.needs_train_embeddings:
        encoder_files["train"] = final

    for split, files in encoder_files.items():
        source = Path("data/sets") / data.name / split
        target = Path("embeddings") / split
        images = read_images(source)
        _save(target / "pixels.npy", raw_pixels(images, data.channels))
        for file in files:
            features = embed(load_encoder(file, device), images, data.channels, device, (data.height, data.width))
            _save(target / file.relative_to(MODELS).with_suffix(".npy"), features)
        shutil.copyfile(source / "labels.csv", target / "labels.csv")
        print(f"{data.name}/{split}: {len(images)} images, {features.shape[1]} features")


def _save(path: Path, features: np.ndarray) -> None:
    write_atomically(path, lambda file: np.save(file, features))


if __name__ == "__main__":
    run_stage(main)

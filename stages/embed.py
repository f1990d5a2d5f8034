"""Stage embed: features of val and test images by the encoder, its snapshots, the untrained one, and as raw pixels.

Of train images only where evaluate.measures has a measure that learns from them, and then without the snapshots.
"""

import shutil
from pathlib import Path

import torch

from maskcon.embedding.features import adapted, backbone_rows, embedded_rows, raw_pixel_rows, raw_pixels_size
from maskcon.embedding.files import write_rows
from maskcon.encoders.networks import load_encoder
from maskcon.images.packed.image_set import read_images
from maskcon.parameters.model import Parameters
from maskcon.runtime.entry import run_stage
from maskcon.runtime.freed_memory import keep_freed_memory

MODELS = Path("models")
EMBEDDINGS = Path("embeddings")


def main(parameters: Parameters) -> None:
    keep_freed_memory()
    data = parameters.data
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = (data.height, data.width)
    frozen = parameters.train.backbone == "frozen"
    final = [MODELS / "encoder.pt", MODELS / "untrained.pt", *([MODELS / "whitened/encoder.pt"] if frozen else [])]
    snapshots = sorted((MODELS / "snapshots").glob("*.pt"))
    encoder_files = {"val": [*final, *snapshots], "test": [*final, *snapshots]}
    if "train" in parameters.evaluate.parts_needed:
        encoder_files["train"] = final

    shutil.rmtree(EMBEDDINGS, ignore_errors=True)
    for split, files in encoder_files.items():
        source, target = Path("data/sets") / data.name / split, EMBEDDINGS / split
        images = read_images(source)
        pixels = raw_pixel_rows(images, data.channels)
        write_rows(target / "pixels.npy", (len(images), raw_pixels_size(images, data.channels)), pixels)
        shared = None  # features of the one backbone that all these encoders have
        for file in files:
            encoder = load_encoder(file, device)
            if frozen:
                shared = shared or list(backbone_rows(encoder, images, data.channels, device, size))
                rows = (adapted(encoder, features) for features in shared)
            else:
                rows = embedded_rows(encoder, images, data.channels, device, size)
            path = target / file.relative_to(MODELS).with_suffix(".npy")
            write_rows(path, (len(images), encoder.feature_size), rows)
        shutil.copyfile(source / "labels.csv", target / "labels.csv")
        print(f"{data.name}/{split}: {len(images)} images, {encoder.feature_size} features")


if __name__ == "__main__":
    run_stage(main)

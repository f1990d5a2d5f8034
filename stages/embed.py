"""Stage embed: features of val and test images by the encoder, its snapshots, the untrained one, and as raw pixels.

Of train images only where evaluate.measures has a measure that learns from them, and then without the snapshots.
Also the features of two random views, by which encoders can be compared: where there are no fine labels, and with a
frozen backbone, whose features of views are stored.
"""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from maskcon.embedding.features import adapted, embedded_rows, raw_pixel_rows, raw_pixels_size
from maskcon.embedding.files import TWO_VIEWS, read_embedded_set, write_rows
from maskcon.encoders.features.two_views import view_by_place
from maskcon.encoders.features.whole import BatchView, stored_rows
from maskcon.encoders.networks import load_encoder
from maskcon.images.packed.image_set import read_images, read_stretch
from maskcon.parameters.model import Parameters
from maskcon.runtime.entry import run_stage
from maskcon.runtime.freed_memory import keep_freed_memory

MODELS = Path("models")
EMBEDDINGS = Path("embeddings")


def main(parameters: Parameters, parts: Sequence[str] = ("val", "test")) -> None:
    keep_freed_memory()
    data = parameters.data
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    frozen = parameters.train.backbone == "frozen"
    final = [MODELS / "encoder.pt", MODELS / "untrained.pt", *([MODELS / "whitened/encoder.pt"] if frozen else [])]
    snapshots = sorted((MODELS / "snapshots").glob("*.pt"))
    encoder_files = {part: [*final, *snapshots] for part in parts if part != "train"}
    if "train" in parameters.evaluate.parts_needed:
        encoder_files["train"] = final

    shutil.rmtree(EMBEDDINGS, ignore_errors=True)
    for split, files in encoder_files.items():
        source, target = Path("data/sets") / data.name / split, EMBEDDINGS / split
        images = read_images(source)
        size = _write_features(target, files, images, parameters, device)
        shutil.copyfile(source / "labels.csv", target / "labels.csv")
        print(f"{data.name}/{split}: {len(images)} images, {size} features")
        has_fine = read_embedded_set(target, only_with_fine=True).fine is not None
        if split != "train" and (frozen or not has_fine):
            stretch = read_stretch(source)
            for strength in TWO_VIEWS:
                view = view_by_place(data.augmentation, strength, (data.height, data.width), stretch, data.seed)
                _write_features(target / "views" / strength, final, images, parameters, device, view, not has_fine)


def _write_features(
    target: Path,
    encoder_files: list[Path],
    images: np.ndarray,
    parameters: Parameters,
    device: torch.device,
    view: BatchView | None = None,
    pixels: bool = True,
) -> int:
    """Write the features of images, or of a view of each, by every encoder and as pixels; F of the last encoder."""
    data = parameters.data
    frozen = parameters.train.backbone == "frozen"
    size = (data.height, data.width)
    if pixels:
        rows = raw_pixel_rows(images, data.channels, view)
        write_rows(target / "pixels.npy", (len(images), raw_pixels_size(images, data.channels)), rows)
    shared = None  # features of the one backbone that all these encoders have
    for file in encoder_files:
        encoder = load_encoder(file, device)
        if frozen:
            shared = shared or list(stored_rows(_name_of_part(target), len(images), device))
            rows = (adapted(encoder, features) for features in shared)
        else:
            rows = embedded_rows(encoder, images, data.channels, device, size, view)
        path = target / file.relative_to(MODELS).with_suffix(".npy")
        write_rows(path, (len(images), encoder.feature_size), rows)
        if path.name == "encoder.npy" and view is None and getattr(encoder.adapter, "which", None) == "both":
            write_rows(path.with_name("projection.npy"), *_projection(path, parameters.model.projection_size))
    return encoder.feature_size


def _name_of_part(target: Path) -> str:
    """As the stage features has it: train, val, test_weak."""
    return target.relative_to(EMBEDDINGS).as_posix().replace("/views/", "_")


def _projection(both: Path, size: int) -> tuple[tuple[int, int], Iterable[np.ndarray]]:
    """Shape and rows of the projection alone, of features and projection side by side."""
    rows = np.load(both, mmap_mode="r")[:, -size:]
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.shape, [rows / np.where(length == 0, 1, length)]


if __name__ == "__main__":
    run_stage(main)

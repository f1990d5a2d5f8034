"""The files that a finished run leaves, made up in seconds: real digits, features that cluster to order.

    run = write_finished_run(folder, two_digit_labels(300), images)

The features of the trained encoder are a point for each fine class plus noise, those of the untrained one are
noise over a faint trace of the class: enough for every figure and the report to have something to show.
"""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML
from sklearn.datasets import load_digits

from maskcon.embedding.files import TWO_VIEWS
from maskcon.images.packed.image_set import LABEL_COLUMNS, write_set
from maskcon.parameters.model import load_parameters
from maskcon.runtime.atomic_files import write_json, write_table
from stages import evaluate

MEASURES = {
    "knn": ("knn_fine_top_1", "knn_coarse_top_1"),
    "linear": ("linear_fine_top_1", "linear_coarse_top_1"),
    "few_shot": ("few_shot_5_way_1_shot",),
    "discovery": ("discovery_accuracy",),
}
FEATURES = ("encoder", "untrained", "pixels")
CHECKOUT = Path(__file__).resolve().parents[2]


def two_digit_labels(images: int) -> pd.DataFrame:
    """The numbers 00 to 99 in tens."""
    number = np.random.default_rng(0).permutation(np.arange(images) % 100)
    return labels_table(number // 10, [f"{n // 10}x" for n in number], number, [f"{n:02d}" for n in number])


def labels_table(coarse, coarse_name, fine, fine_name) -> pd.DataFrame:
    columns = (coarse, coarse_name, fine, fine_name, [f"image {i}" for i in range(len(coarse))])
    table = pd.DataFrame(dict(zip(LABEL_COLUMNS, columns, strict=False)))
    return table.assign(width=8, height=8)[list(LABEL_COLUMNS)]


def numbered_labels(images: int, fine_classes: int = 12, has_fine: bool = True) -> pd.DataFrame:
    """Fine classes in turn, four to a coarse class."""
    fine = np.arange(images) % fine_classes
    table = labels_table(fine // 4, [f"tens {n // 4}" for n in fine], fine, [f"number {n}" for n in fine])
    return table if has_fine else table.assign(fine=None, fine_name=None)


def number_images(numbers: np.ndarray) -> np.ndarray:
    """uint8 [N, 16, 24, 3]: two scanned digits side by side for each number from 0 to 99."""
    generator = np.random.default_rng(0)
    digits = load_digits()
    images = np.zeros((len(numbers), 16, 24, 3), dtype=np.uint8)
    for image, number in zip(images, numbers, strict=True):
        for place, digit in enumerate(divmod(int(number) % 100, 10)):
            scan = generator.choice(np.flatnonzero(digits.target == digit))
            pixels = digits.images[scan] * 15.9
            top, left = generator.integers(2, 7), 3 + 10 * place + generator.integers(0, 2)
            image[top : top + 8, left : left + 8] = pixels[..., None]
    return images


def clustered_features(labels: pd.DataFrame, sharpness: float, seed: int, size: int = 32) -> np.ndarray:
    """float32 [N, F], unit rows: a direction for the coarse class, one for the fine class, noise."""
    generator = np.random.default_rng(seed)
    kind = labels["fine"] if labels["fine"].notna().all() else labels["coarse"]
    of_coarse = generator.normal(size=(labels["coarse"].max() + 1, size))
    of_kind = generator.normal(size=(int(kind.max()) + 1, size))
    features = sharpness * (0.8 * of_coarse[labels["coarse"]] + of_kind[kind.astype(int)])
    features += generator.normal(size=features.shape)
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def write_finished_run(folder: Path, labels: pd.DataFrame, images: np.ndarray, **changes: object) -> None:
    """Everything that the stages figures and report read, and a params.yaml with ``changes`` by dotted key."""
    values = YAML(typ="safe").load((CHECKOUT / "params.yaml").read_text())
    values["data"]["name"] = "two_digits"
    values["loss"] = YAML(typ="safe").load((CHECKOUT / "conf/loss/maskcon.yaml").read_text())
    for key, value in changes.items():
        *groups, last = key.split("__")
        group = values
        for one in groups:
            group = group[one]
        group[last] = value
    folder.mkdir(parents=True, exist_ok=True)
    YAML().dump(values, folder / "params.yaml")

    has_fine = bool(labels["fine"].notna().all())
    for split, count in (("train", len(labels)), ("val", len(labels) // 2), ("test", len(labels))):
        write_set(folder / "data/sets/two_digits" / split, labels[:count], [images[:count]], *images.shape[1:3])
    epochs = values["train"]["epochs"]
    sharpness = {"encoder": 0.9, "untrained": 0.18, "pixels": 0.25}
    sharpness |= {f"snapshots/epoch_{epoch:04d}": 0.18 + 0.72 * epoch / epochs for epoch in range(5, epochs, 5)}
    sharpness |= {} if has_fine else {f"views/{view}/{name}": 0.9 for view in TWO_VIEWS for name in FEATURES}
    of_split = folder / "embeddings" / values["evaluate"]["split"]
    for seed, (name, sharp) in enumerate(sharpness.items()):
        (of_split / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(of_split / f"{name}.npy", clustered_features(labels, sharp, seed))
    labels.to_csv(of_split / "labels.csv", index=False)
    with contextlib.chdir(folder):
        evaluate.main(load_parameters(Path("params.yaml")))
    write_measures(folder, has_fine)
    write_training(folder, epochs)


def write_measures(folder: Path, has_fine: bool) -> None:
    """metrics/measures in the form that stage measure gives them."""
    for name, metrics in MEASURES.items():
        kept = [metric for metric in metrics if has_fine or "coarse" in metric]
        of = {
            kind: {**dict.fromkeys(kept, level), "interval": {one: {"low": level, "high": level} for one in kept}}
            for kind, level in {"trained": 0.7, "untrained": 0.2, "pixels": 0.4}.items()
        }
        write_json(folder / f"metrics/measures/{name}_in_full.json", of.pop("trained") | of)


def write_training(folder: Path, epochs: int) -> None:
    """metrics/ and plots/ of pretrain in the form that training gives them."""
    write_json(
        folder / "metrics/pretrain.json",
        {
            "loss": 5.4321,
            "epochs": epochs,
            "steps": epochs * 31,
            "weights": 312_960,
            "queue_size": 1024,
            "timing": {"seconds": 61.5, "images_per_second": 1950.2},
            "device": "cpu",
            "threads": 2,
            "precision": "float32",
            "hardware": {"cpu": "Example Processor", "cores": 2, "memory_gb": 24, "vector_instructions": "AVX2"},
        },
    )
    progress = np.arange(1, epochs + 1)
    rate = 0.03 * (1 + np.cos(np.pi * progress / epochs)) * np.minimum(1, progress / 3)
    write_table(
        folder / "plots/pretrain.csv",
        (
            {"epoch": e, "loss": 5 + 2.4 * np.exp(-e / 6), "learning_rate": r, "images_per_second": 1950, "seconds": 2}
            for e, r in zip(progress, rate, strict=True)
        ),
    )

"""The files that a finished run leaves, made up in seconds: real digits, features that cluster to order.

    run = write_finished_run(folder, two_digit_labels(300), images)

The features of the trained encoder are a point for each fine class plus noise, those of the untrained one are
noise over a faint trace of the class: enough for every figure and the report to have something to show.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML
from sklearn.datasets import load_digits

from maskcon.images.packed.image_set import LABEL_COLUMNS, write_set
from maskcon.runtime.atomic_files import write_json, write_table

KS = (1, 2, 5, 10, 50, 100)
CHECKOUT = Path(__file__).resolve().parents[2]


def two_digit_labels(images: int, seed: int = 0) -> pd.DataFrame:
    """The numbers 00 to 99 in tens."""
    number = np.random.default_rng(seed).permutation(np.arange(images) % 100)
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


def number_images(numbers: np.ndarray, seed: int = 0) -> np.ndarray:
    """uint8 [N, 16, 24, 3]: two scanned digits side by side for each number from 0 to 99."""
    generator = np.random.default_rng(seed)
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


def write_finished_run(
    folder: Path, labels: pd.DataFrame, images: np.ndarray, data_name: str = "two_digits", **changes: object
) -> None:
    """Everything that the stages figures and report read, and a params.yaml with ``changes`` by dotted key."""
    values = YAML(typ="safe").load((CHECKOUT / "params.yaml").read_text())
    values["data"]["name"] = data_name
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
        write_set(folder / "data/sets" / data_name / split, labels[:count], [images[:count]], *images.shape[1:3])
    of_split = folder / "embeddings" / values["evaluate"]["split"]
    of_split.mkdir(parents=True, exist_ok=True)
    np.save(of_split / "encoder.npy", clustered_features(labels, 0.9, seed=1))
    np.save(of_split / "untrained.npy", clustered_features(labels, 0.18, seed=2))
    np.save(of_split / "pixels.npy", clustered_features(labels, 0.25, seed=3))
    labels.to_csv(of_split / "labels.csv", index=False)
    write_metrics(folder, labels, has_fine, epochs=values["train"]["epochs"])


def write_metrics(folder: Path, labels: pd.DataFrame, has_fine: bool, epochs: int) -> None:
    """metrics/ and plots/ in the form that evaluation gives them."""
    retrieval = _block(0.62, len(labels), has_fine)
    retrieval["untrained"] = _block(0.11, len(labels), has_fine)
    retrieval["pixels"] = _block(0.28, len(labels), has_fine)
    retrieval["gain"] = {"mean": 0.51, "low": 0.48, "high": 0.54}
    write_json(folder / "metrics/retrieval_in_full.json", retrieval)
    measures = _measures(0.7, has_fine)
    measures |= {"untrained": _measures(0.2, has_fine), "pixels": _measures(0.4, has_fine)}
    for name in ("knn", "linear", "few_shot", "discovery"):
        write_json(folder / f"metrics/measures/{name}_in_full.json", _of(name, measures))
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
    kinds = {"trained": retrieval, "untrained": retrieval["untrained"], "raw pixels": retrieval["pixels"]}
    rows = [
        {"features": kind, "k": k, "recall": block[f"recall_at_{k}"], **block["interval"][f"recall_at_{k}"]}
        for kind, block in kinds.items()
        for k in (KS if has_fine else ())
    ]
    header = "features,k,recall,low,high\n"
    if rows:
        write_table(folder / "plots/recall_at_k.csv", rows)
    else:
        (folder / "plots/recall_at_k.csv").write_text(header)
    first = labels.drop_duplicates("coarse").sort_values("coarse")
    by_class = []
    for position, (coarse, name) in enumerate(zip(first["coarse"], first["coarse_name"], strict=True)):
        recall = 0.45 + 0.5 * ((position * 7) % 10) / 10
        row = {"coarse": coarse, "coarse_name": name, "images": int((labels["coarse"] == coarse).sum())}
        row["recall_at_1" if has_fine else "coarse_recall_at_1"] = recall
        row |= {"low": recall - 0.04, "high": recall + 0.03}
        by_class.append(row | ({"coarse_recall_at_1": 0.9} if has_fine else {}))
    write_table(folder / "plots/recall_by_coarse_class.csv", by_class)
    epochs_seen = sorted({0, epochs, *range(5, epochs, 5)})
    write_table(
        folder / "plots/recall_over_epochs.csv",
        (
            ({"epoch": e, "recall_at_1": 0.62 - 0.5 * np.exp(-e / 8)} if has_fine else {"epoch": e})
            | {"coarse_recall_at_1": 0.97 - 0.6 * np.exp(-e / 5)}
            for e in epochs_seen
        ),
    )


def _block(level: float, images: int, has_fine: bool) -> dict:
    """The metrics of one kind of features; Recall@K rises with K."""
    values = {f"recall_at_{k}": 1 - (1 - level) / k**0.45 for k in KS} if has_fine else {}
    if has_fine:
        values["mean_average_precision_at_r"] = level * 0.8
    values["coarse_recall_at_1"] = min(1.0, level + 0.3)
    if not has_fine:
        values["view_retrieval"] = level
    interval = {key: {"low": value * 0.97, "high": value + (1 - value) * 0.05} for key, value in values.items()}
    return {**values, "images": images, "interval": interval}


def _of(name: str, measures: dict) -> dict:
    """The part of one measure, at any depth."""
    return {
        key: _of(name, value) if isinstance(value, dict) and not key.startswith(name) else value
        for key, value in measures.items()
        if key.startswith(name) or key in ("interval", "untrained", "pixels")
    }


def _measures(level: float, has_fine: bool) -> dict:
    """The other measures of one kind of features."""
    names = ["knn_coarse_top_1", "linear_coarse_top_1"]
    if has_fine:
        names += ["knn_fine_top_1", "linear_fine_top_1", "few_shot_5_way_1_shot", "discovery_accuracy"]
    interval = {name: {"low": level - 0.02, "high": level + 0.02} for name in names}
    return {**dict.fromkeys(names, level), "interval": interval}

"""Stage evaluate: Recall@K and more of the trained encoder, beside the untrained one and raw pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Memory

from maskcon.embedding.files import TWO_VIEWS, EmbeddedSet, read_embedded_set
from maskcon.evaluation.retrieval.intervals import Scores, gain_of_training, mean_with_interval
from maskcon.evaluation.retrieval.metrics import (
    measurable_recall_at,
    queries_without_match,
    query_scores,
    view_retrieval,
)
from maskcon.evaluation.retrieval.tables import RECALL_AT_K_COLUMNS, coarse_class_rows, epoch_rows, recall_at_k_rows
from maskcon.parameters.model import Parameters
from maskcon.runtime.atomic_files import write_json, write_table
from maskcon.runtime.entry import run_stage
from maskcon.runtime.randomness import numpy_generator

# As people read it: its file. "untrained" is the encoder before training: with pretrained weights, as they were loaded.
FEATURES = {"trained": "encoder", "untrained": "untrained", "raw pixels": "pixels"}
WHITENED = {"whitened": "whitened/encoder"}  # of a frozen backbone: its features whitened, before training


def main(parameters: Parameters, keep: Path | None = None) -> None:
    """
    Args:
        keep: a folder where scores before training lie from one run to the next, for many runs of the same code.
    """
    evaluate, seed = parameters.evaluate, parameters.seed
    embedded = read_embedded_set(Path("embeddings") / evaluate.split, only_with_fine=True)
    recall_at = measurable_recall_at(evaluate.recall_at, len(embedded))

    features = FEATURES | WHITENED if parameters.train.backbone == "frozen" else FEATURES
    kept = Memory(keep, verbose=0).cache(_all_scores)  # with no folder the same call
    scores = {
        title: (_all_scores if name == "encoder" else kept)(*_arrays(embedded, name), recall_at)
        for title, name in features.items()
    }
    by_epoch = {epoch: _scores(embedded, name, [1]) for epoch, name in embedded.snapshots().items()}
    by_epoch |= {0: scores["untrained"], parameters.train.epochs: scores["trained"]}

    samples = evaluate.bootstrap_samples
    metrics = {
        title: mean_with_interval(of, samples, numpy_generator(seed, "bootstrap"))
        for title, of in scores.items()  # the same draws for each, so that their intervals compare
    }
    generator = numpy_generator(seed, "bootstrap", "coarse classes")
    by_class = coarse_class_rows(scores["trained"], embedded.coarse, embedded.coarse_name, samples, generator)

    gain = gain_of_training(scores["trained"], scores["untrained"], samples, numpy_generator(seed, "bootstrap"))
    gain["instead"] = _best_before_training(metrics)
    if (embedded.folder / "projection.npy").exists():  # what the contrast sees, beside what is read out
        projected = _scores(embedded, "projection", recall_at)
        metrics["projection"] = mean_with_interval(projected, samples, numpy_generator(seed, "bootstrap"))
    _write_metrics(embedded, metrics, gain)
    by_k = [row for title in features for row in recall_at_k_rows(title, metrics[title], recall_at)]
    write_table(Path("plots/recall_at_k.csv"), by_k, RECALL_AT_K_COLUMNS)  # no rows without fine labels
    write_table(Path("plots/recall_by_coarse_class.csv"), by_class)
    write_table(Path("plots/recall_over_epochs.csv"), epoch_rows(by_epoch))
    if gain["high"] < 0:
        print(_loses(gain))
    _say(embedded, metrics, left_out=[k for k in evaluate.recall_at if k not in recall_at])


def _arrays(embedded: EmbeddedSet, name: str) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray | None]:
    """Features, those of two views where there are any, and labels."""
    views = [f"views/{strength}/{name}" for strength in TWO_VIEWS]
    has_views = (embedded.folder / f"{views[0]}.npy").exists()
    of_views = [embedded.features(view) for view in views] if has_views else []
    return embedded.features(name), of_views, embedded.coarse, embedded.fine


def _all_scores(
    features: np.ndarray, views: list[np.ndarray], coarse: np.ndarray, fine: np.ndarray | None, recall_at: list[int]
) -> Scores:
    found = {"view_retrieval": view_retrieval(*map(_on_device, views))} if views else {}
    return query_scores(_on_device(features), coarse, fine, recall_at) | found


def _scores(embedded: EmbeddedSet, name: str, recall_at: list[int]) -> Scores:
    """Without average precision."""
    return query_scores(_on_device(embedded.features(name)), embedded.coarse, embedded.fine, recall_at, False)


def _on_device(features: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(features).to("cuda" if torch.cuda.is_available() else "cpu")


def _write_metrics(embedded: EmbeddedSet, metrics: dict[str, dict], gain: dict[str, Any]) -> None:
    """The main numbers for dvc's tables, and all of them, with intervals and baselines, for report and record."""
    trained = dict(metrics["trained"])
    interval = trained.pop("interval")
    numbers = {**trained, "images": len(embedded)}
    if embedded.rows is not None:
        numbers["images_in_part"] = embedded.images_in_part
    if embedded.fine is not None:
        numbers["queries_without_match"] = queries_without_match(embedded.fine)
    baselines = {"untrained": metrics["untrained"], "pixels": metrics["raw pixels"]}
    baselines |= {title: metrics[title] for title in (*WHITENED, "projection") if title in metrics}
    write_json(Path("metrics/retrieval.json"), numbers)
    write_json(Path("metrics/retrieval_in_full.json"), {**numbers, "interval": interval, **baselines, "gain": gain})


def _loses(gain: dict[str, Any]) -> str:
    low, high = 100 * gain["low"], 100 * gain["high"]
    return (
        f"training lost: {-100 * gain['mean']:.1f} points of Recall@1 beside the encoder before training (95% interval "
        f"of the difference {low:.1f} to {high:.1f}); use {gain['instead']}, or choose other values"
    )


def _best_before_training(metrics: dict[str, dict]) -> str:
    """The file of the encoder that has the highest Recall@1 of those that were not trained."""
    name = "recall_at_1" if "recall_at_1" in metrics["untrained"] else "coarse_recall_at_1"
    whitened = metrics.get("whitened", {}).get(name, 0)
    return "models/whitened/encoder.pt" if whitened > metrics["untrained"][name] else "models/untrained.pt"


def _say(embedded: EmbeddedSet, metrics: dict[str, dict], left_out: list[int]) -> None:
    """The main number of each feature file, and what could not be measured."""
    name = "recall_at_1" if embedded.fine is not None else "coarse_recall_at_1"
    values = ", ".join(f"{features} {of[name]:.1%}" for features, of in metrics.items())
    print(f"{embedded.folder.name}: {len(embedded)} images, {name}: {values}")
    if embedded.rows is not None:
        print(f"measured among the {len(embedded)} of {embedded.images_in_part} images that have fine labels")
    if embedded.fine is None:
        views = ", ".join(
            f"{features} {of['view_retrieval']:.1%}" for features, of in metrics.items() if "view_retrieval" in of
        )
        print(f"no fine labels: only coarse metrics could be measured, and how often a view finds the other: {views}")
    elif left_out:
        print(
            f"left out evaluate.recall_at={left_out}: each of {len(embedded)} images has "
            f"only {len(embedded) - 1} others to retrieve"
        )


if __name__ == "__main__":
    run_stage(main)

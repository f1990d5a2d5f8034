"""What one feature file is worth in the measures asked for, as metrics with intervals.

parts = {"train": Part(...), "val": Part(...), "test": Part(...)}  # of one feature file
metrics = feature_measures(parts, parameters.evaluate, seed)
    # {"knn_fine_top_1": 0.96, "knn_coarse_top_1": ..., "interval": {...}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from maskcon.evaluation.measures.discovery import clusters_within, fine_classes_within, matched
from maskcon.evaluation.measures.few_shot import classes_with_enough, episode_accuracies
from maskcon.evaluation.measures.knn import knn_predictions
from maskcon.evaluation.measures.linear_probe import LinearProbe, hold_out, most_accurate, probe_path
from maskcon.evaluation.retrieval.metrics import Scores, mean_with_interval
from maskcon.parameters.model import EvaluateParameters
from maskcon.runtime.randomness import numpy_generator


@dataclass(frozen=True)
class Part:
    """The features and labels of train, val or test; fine is None where its images have no fine labels."""

    features: Tensor  # float32 [N, F], unit rows
    coarse: np.ndarray  # int64 [N]
    fine: np.ndarray | None  # int64 [N]

    def labels(self) -> dict[str, np.ndarray]:
        return {"coarse": self.coarse} if self.fine is None else {"fine": self.fine, "coarse": self.coarse}


def parts_needed(evaluate: EvaluateParameters) -> list[str]:
    """The part that is measured, train where a measure learns from it, and val where a strength is chosen on it."""
    train = ["train"] if evaluate.needs_train_embeddings else []
    val = ["val"] if "linear" in evaluate.measures else []
    return list(dict.fromkeys([evaluate.split, *train, *val]))


def feature_measures(parts: Mapping[str, Part], evaluate: EvaluateParameters, seed: int) -> dict[str, Any]:
    """Every measure named by evaluate.measures; what needs fine labels is left out where there are none.

    So is what a measure cannot learn from train: knn and linear of labels that no image of train has.

    Args:
        parts: those of ``parts_needed``, by name.

    Returns:
        each metric, and under "interval" its 95% interval: of knn, linear and discovery_accuracy over the images
        asked for, of few_shot over episodes. discovery_nmi and discovery_ari have none: they are no means, and an
        image drawn twice would always agree with itself.
    """
    measured = parts[evaluate.split]
    metrics: dict[str, Any] = {}
    intervals: dict[str, Any] = {}

    def add(scores: Scores) -> None:
        if not scores:
            return
        # the same draws for every measure and feature file, so that their intervals compare
        means = mean_with_interval(scores, evaluate.bootstrap_samples, numpy_generator(seed, "bootstrap"))
        intervals.update(means.pop("interval"))
        metrics.update(means)

    if "knn" in evaluate.measures:
        add(knn_scores(measured, parts["train"], evaluate))
    if "linear" in evaluate.measures:
        probes = chosen_probes(parts, evaluate, seed)
        add(
            {
                f"linear_{name}_top_1": _right(probe.predict(measured.features), measured.labels()[name])
                for name, probe in probes.items()
            }
        )
        metrics.update({f"linear_{name}_strength": probe.strength for name, probe in probes.items()})
    if "few_shot" in evaluate.measures and measured.fine is not None:
        for name, accuracies in few_shot_scores(measured.features, measured.fine, evaluate, seed).items():
            add({name: accuracies})
    if "discovery" in evaluate.measures and measured.fine is not None:
        from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

        clusters = _clusters(measured, evaluate, seed)
        add({"discovery_accuracy": matched(clusters, measured.fine).astype(float)})
        metrics["discovery_nmi"] = float(normalized_mutual_info_score(measured.fine, clusters))
        metrics["discovery_ari"] = float(adjusted_rand_score(measured.fine, clusters))
        metrics["discovery_clusters"] = len(np.unique(clusters))
    return {**metrics, "interval": intervals}


def learnable(train: Part, measured: Part) -> list[str]:
    """Of fine and coarse, the labels of which train has at least one class that is asked for."""
    asked = measured.labels()
    return [name for name, labels in train.labels().items() if name in asked and np.isin(asked[name], labels).any()]


def queries_of_unknown_classes(parts: Mapping[str, Part], evaluate: EvaluateParameters) -> dict[str, int]:
    """How many images are of a class that train lacks, so that knn and linear cannot be right; only where some are."""
    if not evaluate.needs_train_embeddings:
        return {}
    train, asked = parts["train"], parts[evaluate.split].labels()
    unknown = {
        name: int((~np.isin(asked[name], train.labels()[name])).sum())
        for name in learnable(train, parts[evaluate.split])
    }
    return {f"queries_of_{name}_classes_not_in_train": number for name, number in unknown.items() if number}


def knn_scores(queries: Part, gallery: Part, evaluate: EvaluateParameters) -> Scores:
    """Whether the vote of the nearest train images is right, for each query: float64 [M] for fine and coarse labels."""
    labels = {name: gallery.labels()[name] for name in learnable(gallery, queries)}
    predicted = knn_predictions(
        queries.features, gallery.features, labels, evaluate.knn.neighbours, evaluate.knn.temperature
    )
    return {f"knn_{name}_top_1": _right(predicted[name], queries.labels()[name]) for name in labels}


def chosen_probes(parts: Mapping[str, Part], evaluate: EvaluateParameters, seed: int) -> dict[str, LinearProbe]:
    """The probe of fine and of coarse labels, fitted to train, with the strength that does best on val.

    Where val is what is measured, or has no image of a class of train, the strength is chosen on a held-out share of
    train, and the probe then fitted to all of it.
    """
    train, val = parts["train"], parts["val"]
    strengths = evaluate.linear.strengths
    probes = {}
    for name in learnable(train, parts[evaluate.split]):
        labels = train.labels()[name]
        if evaluate.split == "val" or name not in learnable(train, val):
            kept, held_out = hold_out(len(labels), numpy_generator(seed, "linear probe", "held out"))
            tried = probe_path(train.features[kept], labels[kept], strengths)
            best = most_accurate(tried, train.features[held_out], labels[held_out])
            probes[name] = probe_path(train.features, labels, [best.strength])[0]
        else:
            tried = probe_path(train.features, labels, strengths)
            probes[name] = most_accurate(tried, val.features, val.labels()[name])
    return probes


def few_shot_scores(features: Tensor, fine: np.ndarray, evaluate: EvaluateParameters, seed: int) -> Scores:
    """The accuracy of each episode, for each number of ways and shots for which there are classes enough."""
    few_shot = evaluate.few_shot
    scores = {}
    for shots in few_shot.shots:
        classes = len(classes_with_enough(fine, shots))
        for title, ways, episodes in (
            (f"{few_shot.ways}_way", few_shot.ways, few_shot.episodes),
            ("all_way", None, few_shot.all_way_episodes),
        ):
            if classes >= (ways or 2):
                name = f"few_shot_{title}_{shots}_shot"
                generator = numpy_generator(seed, "few-shot", title, shots)
                scores[name] = episode_accuracies(features, fine, ways, shots, few_shot.queries, episodes, generator)
    return scores


def few_shot_classes_left_out(fine: np.ndarray, evaluate: EvaluateParameters) -> dict[str, int]:
    """How many fine classes have no image to ask for beside the shots, for each number of shots."""
    classes = len(np.unique(fine))
    return {
        f"few_shot_classes_left_out_{shots}_shot": classes - len(classes_with_enough(fine, shots))
        for shots in evaluate.few_shot.shots
    }


def _clusters(part: Part, evaluate: EvaluateParameters, seed: int) -> np.ndarray:
    discovery = evaluate.discovery
    given = discovery.clusters == "given"
    count = fine_classes_within(part.coarse, part.fine) if given else discovery.most_clusters
    return clusters_within(part.features.cpu().numpy(), part.coarse, count, seed)


def _right(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (predicted == labels).astype(float)

"""What one feature file is worth in retrieval: every metric is the mean of a score that each query has.

scores = query_scores(features, coarse, fine, recall_at=[1, 5])  # {"recall_at_1": [N], ...}
metrics = mean_with_interval(scores, samples=2000, generator=generator)
    # {"recall_at_1": 0.96, ..., "interval": ...}
"""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from maskcon.evaluation.retrieval.average_precision import average_precision_at_r
from maskcon.evaluation.retrieval.intervals import bootstrap_interval
from maskcon.evaluation.retrieval.neighbours import neighbours_by_chunk
from maskcon.evaluation.retrieval.recall import hit_at, rank_of_first_match
from maskcon.parameters.errors import UserError

Scores = dict[str, np.ndarray]  # name of the metric -> float64 [N]


def measurable_recall_at(recall_at: Iterable[int], images: int) -> list[int]:
    """The K for which there are K others to look at. The rest would say nothing: nobody can be asked for the 100
    nearest of 40 images, and the same list of K should do for a small folder and a large set.

    Raises:
        UserError: not even one neighbour, as there are fewer than two images.
    """
    if images < 2:
        raise UserError(
            f"the images to evaluate are {images}, but a nearest neighbour needs at least 2; "
            "give the part named by evaluate.split more images"
        )
    return [k for k in recall_at if k < images]


def class_size(labels: np.ndarray) -> np.ndarray:
    """int64 [N]: how many images have the label of each image, itself counted."""
    _, row, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return sizes[row]


def queries_without_match(labels: np.ndarray) -> int:
    """How many images are alone in their class: misses whatever the features."""
    return int((class_size(labels) == 1).sum())


def query_scores(
    features: Tensor,
    coarse: np.ndarray,
    fine: np.ndarray | None,
    recall_at: list[int],
    average_precision: bool = True,
) -> Scores:
    """The scores of every query, with all other images as its gallery.

    Args:
        features: float32 [N, F], unit rows, on any device.
        coarse: int64 [N].
        fine: int64 [N], or None: then only the coarse score.
        recall_at: the K of Recall@K, each less than N.
        average_precision: whether to score that too; it needs as many neighbours as the largest class has images.

    Returns:
        recall_at_K for each K, mean_average_precision_at_r (both of fine labels) and coarse_recall_at_1.
    """
    device = features.device
    coarse = torch.tensor(coarse, device=device)
    count = 1
    if fine is not None:
        relevant = torch.tensor(class_size(fine) - 1, device=device)
        fine = torch.tensor(fine, device=device)
        count = max(recall_at)
        if average_precision:
            count = max(count, int(relevant.max()))

    chunks = []
    for queries, neighbours in neighbours_by_chunk(features, count):
        scores = {}
        if fine is not None:
            matches = fine[neighbours] == fine[queries, None]
            rank = rank_of_first_match(matches)
            scores |= {f"recall_at_{k}": hit_at(rank, k) for k in recall_at}
            if average_precision:
                scores["mean_average_precision_at_r"] = average_precision_at_r(matches, relevant[queries])
        scores["coarse_recall_at_1"] = coarse[neighbours[:, 0]] == coarse[queries]
        chunks.append({name: of.cpu() for name, of in scores.items()})
    return {name: torch.cat([chunk[name] for chunk in chunks]).double().numpy() for name in chunks[0]}


def mean_with_interval(scores: Mapping[str, np.ndarray], samples: int, generator: np.random.Generator) -> dict:
    """The mean of each score, and under "interval" its 95% bootstrap interval over queries."""
    low, high = bootstrap_interval(np.stack(list(scores.values()), axis=1), samples, generator)
    interval = {name: {"low": float(a), "high": float(b)} for name, a, b in zip(scores, low, high, strict=True)}
    return {**{name: float(values.mean()) for name, values in scores.items()}, "interval": interval}

"""Weighted k-nearest-neighbour classification: the images most similar to a query vote for its class.

predicted = knn_predictions(test, train, {"fine": fine, "coarse": coarse}, neighbours=200, temperature=0.1)
(predicted["fine"] == test_fine).mean()  # top-1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from maskcon.evaluation.measures.shared.measured import Measured, Part, learnable, right
from maskcon.parameters.evaluate import Measure
from maskcon.parameters.values import Count, Temperature

if TYPE_CHECKING:
    from torch import Tensor


class Values(Measure):
    learns_from: ClassVar = ("train",)

    neighbours: Count
    """k: training images that vote; of a smaller training part all do."""
    temperature: Temperature
    """T of the votes' weights: the lower, the more the nearest count."""


def measure(parts: Mapping[str, Part], split: str, values: Values, seed: int) -> Measured:
    """Whether the vote of the nearest training images is right, for each query, of fine and coarse labels."""
    queries, gallery = parts[split], parts["train"]
    labels = {name: gallery.labels()[name] for name in learnable(gallery, queries)}
    predicted = knn_predictions(queries.features, gallery.features, labels, values.neighbours, values.temperature)
    return Measured({f"knn_{name}_top_1": right(predicted[name], queries.labels()[name]) for name in labels})


def knn_predictions(
    queries: Tensor, gallery: Tensor, labels: Mapping[str, np.ndarray], neighbours: int, temperature: float
) -> dict[str, np.ndarray]:
    """The class with most votes among the k nearest (Wu et al., Unsupervised Feature Learning via Non-Parametric
    Instance Discrimination, CVPR 2018, section 3.4), where v_i is the feature of neighbour i and q the query's:

        votes of class c = sum_{i among the k nearest, y_i = c} exp(v_i · q / T).

    Args:
        queries: float32 [M, F], gallery: float32 [N, F], unit rows, on the same device.
        labels: int64 [N] of the gallery, by name: the same neighbours vote once under each name.
        neighbours: k; all N vote where the gallery has fewer.
        temperature: T.

    Returns:
        int64 [M] under each name; of classes with equal votes the lowest.
    """
    import torch

    from maskcon.evaluation.retrieval.neighbours import gallery_neighbours_by_chunk

    classes = {name: np.unique(of, return_inverse=True) for name, of in labels.items()}
    predicted: dict[str, list[np.ndarray]] = {name: [] for name in labels}
    for _, nearest, similarity in gallery_neighbours_by_chunk(queries, gallery, min(neighbours, len(gallery))):
        # The nearest one's weight set to 1 leaves the order of the votes, and no temperature overflows. Votes are
        # added on the CPU, where their order, and with it the rounding, is always the same.
        similarity = similarity.double().cpu()
        weights = ((similarity - similarity[:, :1]) / temperature).exp()  # [B, k]
        nearest = nearest.cpu()
        for name, (values, class_of) in classes.items():
            votes = weights.new_zeros(len(weights), len(values))
            votes.scatter_add_(1, torch.from_numpy(class_of)[nearest], weights)
            predicted[name].append(values[votes.argmax(dim=1).numpy()])
    return {name: np.concatenate(chunks) for name, chunks in predicted.items()}

"""Fine-class discovery: are the clusters inside each coarse class its fine classes?

    clusters = clusters_within(features, coarse, fine_classes_within(coarse, fine), seed)
    matched(clusters, fine).mean()  # Hungarian accuracy
    normalized_mutual_info_score(fine, clusters), adjusted_rand_score(fine, clusters)  # of scikit-learn

Coarse labels are known when clustering, as they are in training; fine ones only score the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from maskcon.evaluation.measures.shared.measured import Measured, Part
from maskcon.parameters.evaluate import Measure
from maskcon.runtime.randomness import derived_seed


class Values(Measure):
    computes_with: ClassVar = "sklearn.cluster"

    clusters: Literal["given", "estimated"]
    """How many clusters in a coarse class: as many as fine classes (given), or by silhouette (estimated)."""
    most_clusters: Annotated[int, Field(ge=2, le=10_000)]
    """The most that are tried in a coarse class, where they are estimated."""


STARTS = 10  # of k-means, of which the one with the least inertia stays


def measure(parts: Mapping[str, Part], split: str, values: Values, seed: int) -> Measured:
    """Whether each image is in the cluster of its fine class; the mutual information and the Rand index beside it.

    Those two are without interval: they are not means, and an image drawn twice would always agree with itself.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    measured = parts[split]
    if measured.fine is None:
        return Measured()
    given = values.clusters == "given"
    count = fine_classes_within(measured.coarse, measured.fine) if given else values.most_clusters
    clusters = clusters_within(measured.features.cpu().numpy(), measured.coarse, count, seed)
    numbers = {
        "discovery_nmi": float(normalized_mutual_info_score(measured.fine, clusters)),
        "discovery_ari": float(adjusted_rand_score(measured.fine, clusters)),
        "discovery_clusters": len(np.unique(clusters)),
    }
    return Measured({"discovery_accuracy": matched(clusters, measured.fine).astype(float)}, numbers)


def clusters_within(features: np.ndarray, coarse: np.ndarray, count: dict[int, int] | int, seed: int) -> np.ndarray:
    """k-means clusters of the images of each coarse class by themselves.

    Args:
        features: float32 [N, F], unit rows.
        coarse: int64 [N].
        count: clusters of each coarse class, by its label; or the most there may be of them, where their number is to
            be estimated.

    Returns:
        int64 [N], from 0, no cluster with images of two coarse classes.
    """
    clusters = np.empty(len(coarse), np.int64)
    used = 0
    for label in np.unique(coarse):
        images = coarse == label
        start = derived_seed(seed, "k-means", int(label)) % 2**32
        if isinstance(count, int):
            found = _estimated(features[images], count, start)
        else:
            found = _k_means(features[images], count[int(label)], start)
        clusters[images] = used + found
        used += found.max() + 1
    return clusters


def fine_classes_within(coarse: np.ndarray, fine: np.ndarray) -> dict[int, int]:
    """Coarse label -> number of fine classes among its images."""
    return {int(label): len(np.unique(fine[coarse == label])) for label in np.unique(coarse)}


def matched(clusters: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """Which images are in the cluster that stands for their fine class, where each cluster stands for at most one class
    and each class for at most one cluster, so paired that as many images as possible are (Kuhn, The Hungarian Method,
    1955). The mean is the accuracy of clustering.

    Returns:
        bool [N]; images of a cluster that no class is left for are not matched.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    table = contingency_matrix(fine, clusters)  # [classes, clusters], both in rising order
    class_of_pair, cluster_of_pair = linear_sum_assignment(table, maximize=True)
    _, class_of = np.unique(fine, return_inverse=True)
    _, cluster_of = np.unique(clusters, return_inverse=True)
    stands_for = np.full(table.shape[1], -1)
    stands_for[cluster_of_pair] = class_of_pair
    return stands_for[cluster_of] == class_of


def _k_means(features: np.ndarray, count: int, start: int) -> np.ndarray:
    """int64 [N], from 0: the clusters of one coarse class."""
    from sklearn.cluster import KMeans  # here, as all of scikit-learn: what takes no such measure does not wait for it

    count = min(count, len(np.unique(features, axis=0)))  # more than there are different images cannot be found
    if count == 1:
        return np.zeros(len(features), np.int64)
    return KMeans(count, n_init=STARTS, random_state=start).fit_predict(features).astype(np.int64)


def _estimated(features: np.ndarray, most: int, start: int) -> np.ndarray:
    """The clustering, of 2 to ``most`` clusters, with the greatest silhouette (Rousseeuw, 1987).

    One cluster has no silhouette, so there are at least two where there are three different images.
    """
    from sklearn.metrics import silhouette_score

    most = min(most, len(np.unique(features, axis=0)) - 1)
    if most < 2:
        return _k_means(features, 1, start)
    tried = [_k_means(features, count, start) for count in range(2, most + 1)]
    return max(tried, key=lambda clusters: silhouette_score(features, clusters))

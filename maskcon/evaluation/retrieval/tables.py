"""The metrics as rows of the tables in plots/, ready for write_table.

rows = recall_at_k_rows("trained", metrics, recall_at=[1, 5])
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from maskcon.evaluation.retrieval.intervals import Scores, mean_with_interval

RECALL_AT_K_COLUMNS = ("features", "k", "recall", "low", "high")

Row = dict[str, Any]


def recall_at_k_rows(features: str, metrics: Mapping[str, Any], recall_at: list[int]) -> list[Row]:
    """A row for each K; none where ``metrics`` has no Recall@K, as without fine labels."""
    return [
        {"features": features, "k": k, "recall": metrics[name], **metrics["interval"][name]}
        for k in recall_at
        if (name := f"recall_at_{k}") in metrics
    ]


def coarse_class_rows(
    scores: Scores, coarse: np.ndarray, coarse_name: np.ndarray, samples: int, generator: np.random.Generator
) -> list[Row]:
    """Recall@1 of the queries of each coarse class; their neighbours may be of any class.

    Returns:
        a row a class, by coarse label: recall_at_1 with its interval as low and high, and coarse_recall_at_1.
        Without fine labels it is coarse_recall_at_1 that has the interval.
    """
    names = [name for name in ("recall_at_1", "coarse_recall_at_1") if name in scores]
    rows = []
    for label in np.unique(coarse):
        queries = coarse == label
        metrics = mean_with_interval({name: scores[name][queries] for name in names}, samples, generator)
        row = {"coarse": int(label), "coarse_name": coarse_name[queries][0], "images": int(queries.sum())}
        row |= {names[0]: metrics[names[0]], **metrics["interval"][names[0]]}
        rows.append(row | {name: metrics[name] for name in names[1:]})
    return rows


def epoch_rows(scores_by_epoch: Mapping[int, Scores]) -> list[Row]:
    """One row per epoch, epochs rising: recall_at_1 (with fine labels) and coarse_recall_at_1."""
    return [
        {"epoch": epoch}
        | {name: float(scores[name].mean()) for name in ("recall_at_1", "coarse_recall_at_1") if name in scores}
        for epoch, scores in sorted(scores_by_epoch.items())
    ]

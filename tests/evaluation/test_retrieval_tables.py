import numpy as np

from maskcon.evaluation.retrieval.tables import coarse_class_rows, epoch_rows, recall_at_k_rows
from maskcon.runtime.randomness import numpy_generator

SCORES = {
    "recall_at_1": np.array([1.0, 1, 0, 0, 0, 1]),
    "recall_at_5": np.array([1.0, 1, 1, 1, 1, 1]),
    "coarse_recall_at_1": np.array([1.0, 1, 1, 0, 1, 1]),
}
COARSE = np.array([2, 2, 0, 0, 0, 2])
NAMES = np.array(["shirts", "shirts", "hats", "hats", "hats", "shirts"])


def test_recall_at_k_by_hand():
    metrics = {"recall_at_1": 0.5, "recall_at_5": 0.75, "interval": {}}
    metrics["interval"] = {"recall_at_1": {"low": 0.4, "high": 0.6}, "recall_at_5": {"low": 0.7, "high": 0.8}}
    assert recall_at_k_rows("trained", metrics, [1, 5]) == [
        {"features": "trained", "k": 1, "recall": 0.5, "low": 0.4, "high": 0.6},
        {"features": "trained", "k": 5, "recall": 0.75, "low": 0.7, "high": 0.8},
    ]
    assert recall_at_k_rows("trained", {"coarse_recall_at_1": 1.0}, [1, 5]) == []  # without fine labels


def test_coarse_classes_by_hand():
    assert coarse_class_rows(SCORES, COARSE, NAMES, 100, numpy_generator(0, "bootstrap")) == [
        {"coarse": 0, "coarse_name": "hats", "images": 3, "recall_at_1": 0.0, "low": 0.0, "high": 0.0}
        | {"coarse_recall_at_1": 2 / 3},
        {"coarse": 2, "coarse_name": "shirts", "images": 3, "recall_at_1": 1.0, "low": 1.0, "high": 1.0}
        | {"coarse_recall_at_1": 1.0},
    ]


def test_coarse_classes_without_fine_labels_have_the_interval_of_the_coarse_score():
    coarse_only = {"coarse_recall_at_1": SCORES["coarse_recall_at_1"]}
    hats, shirts = coarse_class_rows(coarse_only, COARSE, NAMES, 500, numpy_generator(0, "bootstrap"))
    assert list(hats) == ["coarse", "coarse_name", "images", "coarse_recall_at_1", "low", "high"]
    assert hats["low"] < hats["coarse_recall_at_1"] == 2 / 3 < hats["high"]
    assert shirts["low"] == shirts["coarse_recall_at_1"] == shirts["high"] == 1


def test_epochs_rise_and_without_fine_labels_have_the_coarse_score_alone():
    coarse_only = {"coarse_recall_at_1": np.zeros(2)}
    assert epoch_rows({30: SCORES, 0: coarse_only, 5: coarse_only}) == [
        {"epoch": 0, "coarse_recall_at_1": 0.0},
        {"epoch": 5, "coarse_recall_at_1": 0.0},
        {"epoch": 30, "recall_at_1": 0.5, "coarse_recall_at_1": 5 / 6},
    ]

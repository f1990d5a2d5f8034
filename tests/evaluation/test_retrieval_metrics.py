import numpy as np
import pytest
import torch

from maskcon.evaluation.retrieval.metrics import (
    average_precision_at_r,
    measurable_recall_at,
    queries_without_match,
    query_scores,
    view_retrieval,
)
from maskcon.parameters.errors import UserError


def on_a_circle(*degrees):
    angles = torch.tensor(degrees).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def as_lists(scores):
    return {name: values.tolist() for name, values in scores.items()}


def assert_worked_out(scores, by_hand):
    """The metrics that were worked out by hand have these values; others may stand beside them."""
    assert {name: scores[name].tolist() for name in by_hand} == by_hand


def test_four_points_by_hand():
    """Neighbours, nearest first: 0: 1 2 3; 1: 0 2 3; 2: 1 0 3; 3: 2 1 0. Fine pairs are 0 with 2 and 1 with 3."""
    scores = query_scores(
        on_a_circle(0.0, 10.0, 30.0, 100.0), np.array([0, 0, 0, 1]), np.array([5, 7, 5, 7]), [1, 2, 3]
    )
    by_hand = {
        "recall_at_1": [0, 0, 0, 0],
        "recall_at_2": [1, 0, 1, 1],
        "recall_at_3": [1, 1, 1, 1],
        "mean_average_precision_at_r": [0, 0, 0, 0],
        "coarse_recall_at_1": [1, 1, 1, 0],
    }
    assert_worked_out(scores, by_hand)


def test_classes_of_one_image_are_misses():
    fine = np.array([5, 5, 6, 7])
    scores = query_scores(on_a_circle(0.0, 10.0, 30.0, 100.0), np.array([0, 0, 0, 1]), fine, [1, 3])
    assert queries_without_match(fine) == 2
    by_hand = {
        "recall_at_1": [1, 1, 0, 0],
        "recall_at_3": [1, 1, 0, 0],
        "mean_average_precision_at_r": [1, 1, 0, 0],
        "coarse_recall_at_1": [1, 1, 1, 0],
    }
    assert_worked_out(scores, by_hand)


def test_without_fine_labels():
    scores = query_scores(on_a_circle(0.0, 10.0, 30.0, 100.0), np.array([0, 0, 0, 1]), None, [1, 2, 3])
    assert as_lists(scores) == {"coarse_recall_at_1": [1, 1, 1, 0]}


def test_same_as_loops_over_queries():
    generator = torch.Generator().manual_seed(0)
    features = torch.nn.functional.normalize(torch.randn(150, 6, generator=generator), dim=1)
    fine = np.random.default_rng(0).integers(0, 12, 150)
    coarse = fine // 4
    scores = query_scores(features, coarse, fine, [1, 3, 10])

    for query in range(150):
        others = [i for i in range(150) if i != query]
        others.sort(key=lambda i, q=query: -float(features[i].double() @ features[q].double()))
        matches = [fine[i] == fine[query] for i in others]
        for k in (1, 3, 10):
            assert scores[f"recall_at_{k}"][query] == any(matches[:k])
        r = sum(matches)
        precision = [sum(matches[:i]) / i for i in range(1, r + 1) if matches[i - 1]]
        assert scores["mean_average_precision_at_r"][query] == pytest.approx(sum(precision) / r)
        assert scores["coarse_recall_at_1"][query] == (coarse[others[0]] == coarse[query])


@pytest.mark.parametrize(("images", "expected"), [(2, [1]), (10, [1, 2, 5]), (11, [1, 2, 5, 10]), (12, [1, 2, 5, 10])])
def test_recall_is_measured_where_there_are_k_others(images, expected):
    assert measurable_recall_at([1, 2, 5, 10], images) == expected


@pytest.mark.parametrize("images", [0, 1])
def test_no_neighbour_at_all(images):
    with pytest.raises(UserError, match=f"images to evaluate are {images}, .* at least 2; .*evaluate.split"):
        measurable_recall_at([1], images)


@pytest.mark.parametrize(
    ("matches", "r", "expected"),
    [
        ([1, 1, 1, 0], 3, 1.0),
        ([1, 0, 0, 1], 1, 1.0),
        ([0, 1, 0, 0], 2, (1 / 2) / 2),
        ([0, 1, 1, 0], 3, (1 / 2 + 2 / 3) / 3),
        ([0, 0, 0, 1], 3, 0.0),  # a match beyond R counts for nothing
        ([0, 0, 0, 0], 0, 0.0),  # alone in its class: a miss
    ],
)
def test_average_precision_by_hand(matches, r, expected):
    found = average_precision_at_r(torch.tensor([matches]).bool(), torch.tensor([r]))
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(expected, abs=1e-15)


def test_a_view_finds_the_other_where_that_is_the_nearest_of_all():
    weak = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    strong = torch.tensor([[0.8, 0.6], [0.0, 1.0], [1.0, 0.0]])
    assert view_retrieval(weak, strong).tolist() == [0, 1, 0]
    assert view_retrieval(strong, strong).tolist() == [1, 1, 1]

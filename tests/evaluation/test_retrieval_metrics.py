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
from tests.evaluation.made_up_parts import on_a_circle, unit_rows


def test_without_fine_labels():
    scores = query_scores(on_a_circle(0.0, 10.0, 30.0, 100.0), np.array([0, 0, 0, 1]), None, [1, 2, 3])
    assert {name: of.tolist() for name, of in scores.items()} == {"coarse_recall_at_1": [1, 1, 1, 0]}


def test_same_as_loops_over_queries():
    features = unit_rows(150, 6)
    fine = np.random.default_rng(0).integers(0, 12, 150)
    fine[7] = 12  # alone in its class: a miss
    coarse = fine // 4
    scores = query_scores(features, coarse, fine, [1, 3, 10])
    assert queries_without_match(fine) == 1

    for query in range(150):
        others = [i for i in range(150) if i != query]
        others.sort(key=lambda i, q=query: -float(features[i].double() @ features[q].double()))
        matches = [fine[i] == fine[query] for i in others]
        for k in (1, 3, 10):
            assert scores[f"recall_at_{k}"][query] == any(matches[:k])
        r = sum(matches)
        precision = [sum(matches[:i]) / i for i in range(1, r + 1) if matches[i - 1]]
        assert scores["mean_average_precision_at_r"][query] == pytest.approx(sum(precision) / max(r, 1))
        assert scores["coarse_recall_at_1"][query] == (coarse[others[0]] == coarse[query])


def test_recall_is_measured_where_there_are_k_others():
    assert [measurable_recall_at([1, 2, 5, 10], images) for images in (2, 10, 11)] == [[1], [1, 2, 5], [1, 2, 5, 10]]
    with pytest.raises(UserError, match=r"images to evaluate are 1, .* at least 2; .*evaluate.split"):
        measurable_recall_at([1], 1)


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

import math

import numpy as np
import pytest
import torch

from maskcon.evaluation.measures.knn import knn_predictions


def unit_rows(images, size, seed=0):
    rows = torch.randn(images, size, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


def on_a_circle(*degrees):
    angles = torch.tensor(degrees).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def by_definition(queries, gallery, labels, neighbours, temperature):
    predicted = []
    for query in queries.double():
        similarity = [float(image @ query) for image in gallery.double()]
        nearest = sorted(range(len(gallery)), key=lambda i, s=similarity: -s[i])[:neighbours]
        votes = {}
        for i in nearest:
            votes[labels[i]] = votes.get(labels[i], 0) + math.exp(similarity[i] / temperature)
        predicted.append(max(votes, key=votes.get))
    return predicted


@pytest.mark.parametrize(("neighbours", "temperature"), [(1, 0.1), (7, 0.1), (30, 0.5), (30, 0.02), (120, 1.0)])
def test_same_as_loops_over_queries_and_votes(neighbours, temperature):
    queries, gallery = unit_rows(60, 5, seed=1), unit_rows(120, 5)
    fine = np.random.default_rng(0).integers(10, 22, 120)  # labels need not begin at 0
    labels = {"fine": fine, "coarse": fine // 4}
    predicted = knn_predictions(queries, gallery, labels, neighbours, temperature)
    for name, of in labels.items():
        assert predicted[name].tolist() == by_definition(queries, gallery, of.tolist(), neighbours, temperature)


def test_four_points_by_hand():
    """Of the query at 0 degrees the cosines are 0.985 (class 1), 0.866 and 0.866 (class 2), 0 (class 3)."""
    gallery, labels = on_a_circle(10.0, 30.0, -30.0, 90.0), {"fine": np.array([1, 2, 2, 3])}
    query = on_a_circle(0.0)

    def vote(neighbours, temperature):
        return knn_predictions(query, gallery, labels, neighbours, temperature)["fine"].item()

    assert vote(1, 1.0) == 1
    assert vote(3, 1.0) == 2  # two votes of e^0.866 against one of e^0.985
    assert vote(3, 0.1) == 1  # e^9.85 = 18,900 against 2 e^8.66 = 11,500
    assert vote(3, 1e-4) == 1  # e^9850 is no number


def test_equal_votes_go_to_the_lowest_class():
    gallery = on_a_circle(20.0, 20.0)
    assert knn_predictions(on_a_circle(0.0), gallery, {"fine": np.array([8, 3])}, 2, 0.1)["fine"].tolist() == [3]


def test_all_vote_where_the_gallery_is_smaller_than_k():
    queries, gallery, labels = unit_rows(20, 4, seed=1), unit_rows(30, 4), {"fine": np.arange(30) % 5}
    whole = knn_predictions(queries, gallery, labels, 30, 0.2)["fine"]
    assert np.array_equal(knn_predictions(queries, gallery, labels, 200, 0.2)["fine"], whole)

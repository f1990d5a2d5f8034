import math

import numpy as np
import pytest

from maskcon.evaluation.measures.knn import knn_predictions
from tests.evaluation.made_up_parts import on_a_circle, unit_rows


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


@pytest.mark.parametrize(("neighbours", "temperature"), [(1, 0.1), (7, 0.1), (30, 0.5), (30, 0.02), (200, 1.0)])
def test_same_as_loops_over_queries_and_votes(neighbours, temperature):
    queries, gallery = unit_rows(60, 5, seed=1), unit_rows(120, 5)
    fine = np.random.default_rng(0).integers(10, 22, 120)  # labels need not begin at 0
    labels = {"fine": fine, "coarse": fine // 4}
    predicted = knn_predictions(queries, gallery, labels, neighbours, temperature)
    for name, of in labels.items():
        assert predicted[name].tolist() == by_definition(queries, gallery, of.tolist(), neighbours, temperature)


def test_no_temperature_overflows():
    """Of the query at 0 degrees the cosines are 0.985 (class 1), 0.866 and 0.866 (class 2)."""
    gallery, labels = on_a_circle(10.0, 30.0, -30.0), {"fine": np.array([1, 2, 2])}
    assert knn_predictions(on_a_circle(0.0), gallery, labels, 3, 1e-4)["fine"].item() == 1  # e^9850 is no number


def test_equal_votes_go_to_the_lowest_class():
    gallery = on_a_circle(20.0, 20.0)
    assert knn_predictions(on_a_circle(0.0), gallery, {"fine": np.array([8, 3])}, 2, 0.1)["fine"].tolist() == [3]

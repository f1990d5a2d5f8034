from itertools import permutations

import numpy as np
import pytest

from maskcon.evaluation.measures.discovery import clusters_within, fine_classes_within, matched


def around_centres(fine, noise):
    draw = np.random.default_rng(0)
    features = draw.standard_normal((fine.max() + 1, 8))[fine] + noise * draw.standard_normal((len(fine), 8))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def best_pairing_by_trying_all(clusters, fine):
    names, labels = sorted(set(clusters)), sorted(set(fine))
    labels += [None] * max(0, len(names) - len(labels))  # clusters that no class is left for
    return max(
        np.mean([dict(zip(names, chosen, strict=True))[c] == f for c, f in zip(clusters, fine, strict=True)])
        for chosen in permutations(labels, len(names))
    )


@pytest.mark.parametrize(("clusters", "classes"), [(4, 4), (3, 5), (5, 3), (1, 4), (4, 1)])
def test_same_as_trying_all_pairings(clusters, classes):
    draw = np.random.default_rng(clusters)
    for _ in range(5):
        found = draw.integers(clusters, size=40) * 3  # numbers need not follow each other
        fine = (found + draw.integers(classes, size=40) // 2) % classes + 7
        assert matched(found, fine).mean() == pytest.approx(best_pairing_by_trying_all(found, fine))


def test_classes_far_apart_are_found():
    fine = np.random.default_rng(0).permutation(np.arange(120) % 6)
    coarse = fine // 3
    clusters = clusters_within(around_centres(fine, 0.05), coarse, fine_classes_within(coarse, fine), seed=0)
    assert matched(clusters, fine).all()
    assert sorted(set(clusters)) == list(range(6))


@pytest.mark.parametrize("count", [{0: 3, 5: 1, 9: 2}, 4])
def test_no_cluster_has_images_of_two_coarse_classes(count):
    """Though features are the same in all coarse classes."""
    fine = np.arange(90) % 3
    coarse = np.repeat([0, 5, 9], 30)
    clusters = clusters_within(around_centres(fine, 0.1), coarse, count, seed=0)
    owners = {cluster: set(coarse[clusters == cluster]) for cluster in clusters}
    assert all(len(owner) == 1 for owner in owners.values())
    if isinstance(count, dict):
        assert {label: len(set(clusters[coarse == label])) for label in count} == count


def test_the_number_of_clusters_is_estimated():
    fine = np.repeat(np.arange(9), 20)
    coarse = np.where(fine < 2, 0, np.where(fine < 5, 1, 2))  # 2, 3 and 4 fine classes
    clusters = clusters_within(around_centres(fine, 0.05), coarse, 8, seed=0)
    assert [len(set(clusters[coarse == label])) for label in range(3)] == [2, 3, 4]
    assert matched(clusters, fine).all()


@pytest.mark.parametrize("count", [{0: 3, 1: 3}, 5])
def test_fewer_different_images_than_clusters(count):
    features = np.repeat(np.eye(4, dtype=np.float32)[:2], 5, axis=0)  # class 0: one picture five times
    coarse = np.repeat([0, 1], 5)
    clusters = clusters_within(features, coarse, count, seed=0)
    assert clusters.tolist() == [0] * 5 + [1] * 5

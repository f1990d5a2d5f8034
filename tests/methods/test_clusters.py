import math

import pytest
import torch
from torch.nn import functional as F

from maskcon.methods.parts.clusters import coding_lengths, k_means, merge_nearest_pair


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def length_by_eigenvalues(points):
    """(n + D) / 2 sum_i log2(1 + D / (16 n) lambda_i), lambda: the eigenvalues of X^T X, in float64."""
    n, dimensions = points.shape
    eigenvalues = torch.linalg.eigvalsh(points.double().T @ points.double()).tolist()
    return (n + dimensions) / 2 * sum(math.log2(1 + dimensions / (16 * n) * max(value, 0)) for value in eigenvalues)


# --- coding length


@pytest.mark.parametrize("sizes", [(3, 5, 2), (30, 7, 100), (1, 1, 200)])
def test_coding_length_against_eigenvalues(sizes):
    points = F.normalize(torch.randn(sum(sizes), 12, generator=generator()), dim=1)
    labels = torch.arange(3).repeat_interleave(torch.tensor(sizes))[torch.randperm(sum(sizes), generator=generator())]
    first, second = torch.triu_indices(3, 3)
    found = coding_lengths(points, F.one_hot(labels).T.bool(), first, second)
    for j, k, length in zip(first, second, found, strict=True):
        expected = length_by_eigenvalues(points[(labels == j) | (labels == k)])
        assert length.item() == pytest.approx(expected, rel=1e-5)


def test_coding_length_of_many_pairs_in_chunks():
    """More pairs than are coded together, in any order."""
    points = F.normalize(torch.randn(300, 12, generator=generator()), dim=1)
    labels = torch.randint(20, (300,), generator=generator())
    first, second = torch.triu_indices(20, 20)
    shuffled = torch.randperm(len(first), generator=generator())
    belongs = F.one_hot(labels).T.bool()
    found = coding_lengths(points, belongs, first[shuffled], second[shuffled])
    for number in range(0, len(shuffled), 17):
        j, k = first[shuffled[number]], second[shuffled[number]]
        expected = length_by_eigenvalues(points[(labels == j) | (labels == k)])
        assert found[number].item() == pytest.approx(expected, rel=1e-5)


# --- merging


def merge_by_loops(points, labels, clusters, threshold):
    best, best_score = None, threshold
    for j in range(clusters):
        for k in range(j + 1, clusters):
            of_j, of_k = points[labels == j], points[labels == k]
            if len(of_j) == 0 or len(of_k) == 0:
                continue
            length_j, length_k = length_by_eigenvalues(of_j), length_by_eigenvalues(of_k)
            gain = length_j + length_k - length_by_eigenvalues(torch.cat([of_j, of_k]))
            score = (length_k if len(of_j) >= len(of_k) else length_j) / gain
            if 0 < score < best_score:
                best, best_score = (j, k), score
    return best


@pytest.mark.parametrize("threshold", [1.0, 1.4, 1.8, 2.5, 5.0])
@pytest.mark.parametrize("seed", range(4))
def test_merged_pair_against_loops(threshold, seed):
    points = F.normalize(torch.randn(60, 8, generator=generator(seed)) + 2 * torch.eye(8)[0], dim=1)
    labels = k_means(points, 7, generator(seed))
    found, merged = merge_nearest_pair(points, labels, 7, threshold)
    expected = merge_by_loops(points, labels, 7, threshold)
    assert merged == (expected is not None)
    if expected:
        j, k = expected
        assert torch.equal(found, torch.where(labels == k, j, labels))
    else:
        assert torch.equal(found, labels)


def test_score_of_two_equal_clusters():
    """Two clusters of n equal points each: the score is 1 + n / D; at n = 4 and D = 16, 1.25."""
    points, labels = F.normalize(torch.ones(8, 16), dim=1), torch.arange(8) % 2
    assert merge_nearest_pair(points, labels, 2, threshold=1.26)[1]
    assert not merge_nearest_pair(points, labels, 2, threshold=1.24)[1]


def test_clusters_that_cost_more_together_are_never_merged():
    """100 equal points each, at right angles, D = 4: 52 log2(5/4) bits each, 102 log2((9/8)^2) together."""
    points = torch.eye(4)[torch.arange(200) % 2]
    labels = torch.arange(200) % 2
    assert 2 * 52 * math.log2(5 / 4) < 102 * 2 * math.log2(9 / 8)
    assert not merge_nearest_pair(points, labels, 2, threshold=1e9)[1]


# --- k-means


def test_equal_points_do_not_break_it():
    labels = k_means(torch.ones(6, 4), 3, generator())
    assert len(labels.unique()) == 1


def test_the_generator_decides():
    points = torch.randn(200, 16, generator=generator())
    assert torch.equal(k_means(points, 8, generator(1)), k_means(points, 8, generator(1)))
    assert not torch.equal(k_means(points, 8, generator(1)), k_means(points, 8, generator(2)))

"""The map keeps neighbours together, and comes out the same again."""

import numpy as np
import pytest

from maskcon.figures.tsne import two_dimensional_map


def unit(features: np.ndarray) -> np.ndarray:
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    label = np.arange(90) % 3
    return unit(8 * np.eye(70)[label] + generator.normal(size=(90, 70))), label


def test_nearest_on_the_map_is_of_the_same_cluster(clusters):
    features, label = clusters
    points = two_dimensional_map(features, perplexity=10, seed=2**62)
    distance = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    assert (label[distance.argmin(axis=1)] == label).all()


@pytest.mark.parametrize("features", [np.eye(10), np.ones((10, 4)), np.linspace(1, 2, 10)[:, None]])
def test_few_or_equal_or_single_features(features):
    points = two_dimensional_map(features.astype(np.float32), perplexity=30, seed=0)
    assert points.shape == (10, 2)
    assert np.isfinite(points).all()

"""The map keeps neighbours together, and comes out the same again."""

import numpy as np
import pytest

from maskcon.figures.tsne import LaidOut, read_maps, two_dimensional_maps, write_maps


def unit(features: np.ndarray) -> np.ndarray:
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    label = np.arange(90) % 3
    return unit(8 * np.eye(70)[label] + generator.normal(size=(90, 70))), label


def test_nearest_on_the_map_is_of_the_same_cluster(clusters):
    features, label = clusters
    points = two_dimensional_maps({"encoder": features}, perplexity=10, seed=2**62)["encoder"]
    distance = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    assert (label[distance.argmin(axis=1)] == label).all()


@pytest.mark.parametrize("features", [np.eye(10), np.ones((10, 4)), np.linspace(1, 2, 10)[:, None]])
def test_few_or_equal_or_single_features(features):
    [points] = two_dimensional_maps({"encoder": features.astype(np.float32)}, perplexity=30, seed=0).values()
    assert points.shape == (10, 2)
    assert np.isfinite(points).all()


def test_several_maps_at_once_are_those_made_alone_and_come_back_from_their_file(clusters, tmp_path):
    features = {"untrained": clusters[0], "whitened/encoder": -clusters[0], "encoder": np.roll(clusters[0], 1, axis=1)}
    maps = two_dimensional_maps(features, perplexity=10, seed=3)
    write_maps(LaidOut(np.arange(90), maps), tmp_path / "maps.npz")
    read = read_maps(tmp_path / "maps.npz")
    assert list(read.maps) == list(features)
    assert (read.shown == np.arange(90)).all()
    for name, one in features.items():
        [alone] = two_dimensional_maps({name: one}, perplexity=10, seed=3).values()
        assert np.array_equal(read.maps[name], alone)

"""The map keeps neighbours together, and comes out the same again."""

import sys
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest

from maskcon.figures import tsne
from maskcon.figures.tsne import most_points, two_dimensional_map, two_dimensional_maps


def unit(features: np.ndarray) -> np.ndarray:
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    label = np.arange(90) % 3
    return unit(8 * np.eye(70)[label] + generator.normal(size=(90, 70))), label


def test_nearest_on_the_map_is_of_the_same_cluster(clusters):
    features, label = clusters
    points = two_dimensional_map(features, perplexity=10, seed=3)
    distance = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    assert (label[distance.argmin(axis=1)] == label).all()


def test_several_at_once_are_the_same_as_each_alone(clusters):
    features, _ = clusters
    both = list(two_dimensional_maps([features, features[:, :2]], perplexity=10, seed=2**62))
    assert np.array_equal(both[0], two_dimensional_map(features, perplexity=10, seed=2**62))
    assert np.array_equal(both[1], two_dimensional_map(features[:, :2], perplexity=10, seed=2**62))


@pytest.mark.parametrize("features", [np.eye(10), np.ones((10, 4)), np.linspace(1, 2, 10)[:, None]])
def test_few_or_equal_or_single_features(features):
    points = two_dimensional_map(features.astype(np.float32), perplexity=30, seed=0)
    assert points.shape == (10, 2)
    assert np.isfinite(points).all()


def test_large_maps_need_opentsne(monkeypatch, capsys):
    monkeypatch.setattr(tsne, "find_spec", lambda name: None)
    assert most_points(5000) == 5000
    assert capsys.readouterr().err == ""
    assert most_points(20_000) == 5000
    assert "figures.tsne_images=20000" in capsys.readouterr().err
    monkeypatch.setattr(tsne, "find_spec", lambda name: name == "openTSNE")
    assert most_points(20_000) == 20_000


def test_large_maps_are_opentsnes(monkeypatch, clusters):
    """By a module that stands in for it: which points it is given, and with which settings."""
    features, _ = clusters
    given = {}

    class TSNE:
        def __init__(self, **settings):
            given.update(settings)

        def fit(self, points):
            given["points"] = points
            return points[:, :2].astype(np.float64)

    stand_in = ModuleType("openTSNE")
    stand_in.TSNE = TSNE
    monkeypatch.setitem(sys.modules, "openTSNE", stand_in)
    monkeypatch.setattr(tsne, "find_spec", lambda name: name == "openTSNE")
    monkeypatch.setattr(tsne, "MOST_FOR_SCIKIT_LEARN", 89)
    points = two_dimensional_map(features, perplexity=40, seed=2**62 + 1)
    assert points.dtype == np.float32
    assert np.array_equal(points, given["points"][:, :2].astype(np.float32))
    assert given["points"].shape == (90, 50)
    assert given["perplexity"] == pytest.approx(89 / 3)
    assert (given["n_jobs"], given["random_state"]) == (1, 1)


@pytest.mark.skipif(not find_spec("openTSNE"), reason="openTSNE, an optional extra, is not installed")
def test_nearest_on_opentsnes_map_is_of_the_same_cluster(monkeypatch, clusters):
    monkeypatch.setattr(tsne, "MOST_FOR_SCIKIT_LEARN", 0)
    test_nearest_on_the_map_is_of_the_same_cluster(clusters)

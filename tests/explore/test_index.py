"""Indexes of faiss: what they find beside exact search, and how they are kept."""

import numpy as np
import pytest
import torch

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours
from maskcon.explore import index as module
from maskcon.explore.index import KeptIndex, kept_index, measured_recall
from maskcon.parameters.errors import UserError


def clustered(images, size=8, classes=40, seed=0):
    """float32 [images, size]: unit rows about the centre of their class."""
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((classes, size))[generator.integers(classes, size=images)]
    rows += 0.7 * generator.standard_normal((images, size))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def exactly(queries, gallery, count):
    return [found.numpy() for found in gallery_neighbours(torch.from_numpy(queries), torch.from_numpy(gallery), count)]


@pytest.fixture(params=["hnsw", "ivfpq"])
def index(request, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEAST_IMAGES", 2000)  # good enough to try an index out
    gallery = clustered(3000)
    gallery[::100] = 0  # images with nothing to see, as far from all
    np.save(tmp_path / "gallery.npy", gallery)
    return kept_index(request.param, np.load(tmp_path / "gallery.npy", mmap_mode="c"), tmp_path / "indexes")


def test_most_of_what_is_nearest_is_found_and_its_recall_told(index):
    queries = clustered(50, seed=1)
    places, cosines = index.nearest(queries, 10)
    expected, _ = exactly(queries, index.gallery, 10)
    found = np.mean([len(set(one) & set(other)) / 10 for one, other in zip(places, expected, strict=True)])
    assert found > 0.8
    assert index.recall == pytest.approx(found, abs=0.1)
    assert cosines == pytest.approx(np.einsum("mf,mkf->mk", queries, index.gallery[places]), abs=1e-6)
    assert (np.diff(cosines, axis=1) <= 0).all()


def test_looking_at_everything_finds_everything(index, monkeypatch):
    """The closed case: all lists, or the whole graph, and all candidates compared exactly."""
    for name in ("SEARCH_BREADTH", "LISTS_LOOKED_THROUGH", "LEAST_PROPOSED"):
        monkeypatch.setattr(module, name, 3000)
    queries = clustered(20, seed=2)
    assert index.nearest(queries, 10)[0].tolist() == exactly(queries, index.gallery, 10)[0].tolist()


def test_where_fewer_are_found_the_rest_is_no_image(index, monkeypatch):
    monkeypatch.setattr(module, "LISTS_LOOKED_THROUGH", 1)
    places, cosines = index.nearest(clustered(5, seed=1), 4000)
    found = (places >= 0).sum(axis=1)
    assert (found <= 3000).all()
    for row, number in enumerate(found):
        assert len(set(places[row, :number])) == number
        assert (places[row, number:] == -1).all()
        assert np.isneginf(cosines[row, number:]).all()


@pytest.mark.parametrize(("images", "recall"), [(1, None), (2, 1.0), (7, 1.0)])
def test_the_graph_of_a_few_images(tmp_path, images, recall):
    assert kept_index("hnsw", clustered(images), tmp_path).recall == recall


def test_recall_is_the_share_of_others():
    """An index that finds the image itself and one of the next ten."""

    class Index(KeptIndex):
        def nearest(self, queries, count):
            nearest = exactly(queries, self.gallery, count)[0]
            return np.concatenate([nearest[:, :2], np.full((len(nearest), count - 2), -1)], axis=1), None

    assert measured_recall(Index(None, None, clustered(300))) == pytest.approx(0.1)


def test_equally_near_places_come_in_their_order(monkeypatch):
    monkeypatch.setattr(KeptIndex, "_proposed", lambda *arguments: np.array([[3, 0, 2, -1, 1]]))
    gallery = np.array([[1, 0], [0, 1], [1, 0], [1, 0]], np.float32)
    places, cosines = KeptIndex(None, None, gallery).nearest(gallery[:1], 5)
    assert places.tolist() == [[0, 2, 3, 1, -1]]
    assert cosines.tolist() == [[1, 1, 1, 0, -np.inf]]


def test_an_index_is_built_once_for_the_same_features(tmp_path, monkeypatch):
    built, build = [], module.built_index
    monkeypatch.setattr(module, "built_index", lambda *arguments: built.append(1) or build(*arguments))
    gallery = clustered(300)
    first, second = (kept_index("hnsw", gallery, tmp_path / "indexes") for _ in range(2))
    assert built == [1]
    assert list((tmp_path / "indexes").iterdir()) == [first.path] == [second.path]
    assert second.recall is None  # measured as it is built
    for one, other in zip(first.nearest(gallery[:9], 5), second.nearest(gallery[:9], 5), strict=True):
        assert np.array_equal(one, other)
    gallery[7] = gallery[8]
    kept_index("hnsw", gallery, tmp_path / "indexes")
    assert built == [1, 1]


def test_what_cannot_be_built_or_read_is_a_sentence(tmp_path):
    gallery = clustered(300)
    with pytest.raises(UserError, match=r"from at least 9,984 images, and this gallery has 300; .*--index exact"):
        kept_index("ivfpq", gallery, tmp_path)
    kept = kept_index("hnsw", gallery, tmp_path)
    kept.path.write_bytes(kept.path.read_bytes()[:500])
    with pytest.raises(UserError, match=r"hnsw-\w+\.faiss cannot be read .*; remove it, and it is built again"):
        kept_index("hnsw", gallery, tmp_path)

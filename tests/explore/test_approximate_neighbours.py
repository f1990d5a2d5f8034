"""Indexes of faiss: what they find beside exact search, and how it is counted; passed over without faiss."""

import importlib.util

import numpy as np
import pytest
import torch

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours
from maskcon.explore import approximate_neighbours
from maskcon.explore.approximate_neighbours import (
    ApproximateIndex,
    built_index,
    bytes_of_code,
    measured_recall,
    number_of_lists,
    others,
    recall_of,
    require_faiss,
)
from maskcon.parameters.errors import UserError

KINDS = ("hnsw", "ivfpq")
needs_faiss = pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="needs requirements-search.txt")


def clustered(images, size, classes=40, seed=0):
    """float32 [images, size]: unit rows about the centre of their class."""
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((classes, size))[generator.integers(classes, size=images)]
    rows += 0.7 * generator.standard_normal((images, size))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def few_images_will_do(monkeypatch):
    """Codes learned from 1,024 images are good enough to try an index out."""
    monkeypatch.setattr(approximate_neighbours, "TRAINED_ON", 4)


@pytest.fixture(scope="module")
def gallery():
    return clustered(3000, 16)


@pytest.fixture(params=KINDS)
def index(request, gallery, few_images_will_do):
    return built_index(request.param, gallery)


@needs_faiss
def test_most_of_what_is_nearest_is_found(index, gallery):
    queries = clustered(50, 16, seed=1)
    places, similarity = index.nearest(queries, 10)
    exact, exact_similarity = gallery_neighbours(torch.from_numpy(queries), torch.from_numpy(gallery), 10)
    assert recall_of(places, exact.numpy(), [1, 10])[10] > 0.8
    assert similarity == pytest.approx(np.einsum("mf,mkf->mk", queries, gallery[places]), abs=1e-6)
    assert (np.diff(similarity, axis=1) <= 0).all()
    assert (similarity <= exact_similarity.numpy() + 1e-6).all()


@needs_faiss
def test_looking_at_everything_finds_everything(index, gallery, monkeypatch):
    """The closed case: all lists, or the whole graph, and all candidates compared exactly."""
    monkeypatch.setattr(approximate_neighbours, "SEARCH_BREADTH", 3000)
    monkeypatch.setattr(approximate_neighbours, "LISTS_LOOKED_THROUGH", number_of_lists(3000))
    monkeypatch.setattr(approximate_neighbours, "COMPARED_EXACTLY", 300)
    queries = clustered(20, 16, seed=2)
    exact, _ = gallery_neighbours(torch.from_numpy(queries), torch.from_numpy(gallery), 10)
    assert index.nearest(queries, 10)[0].tolist() == exact.tolist()
    assert measured_recall(index, at=[1, 10], sample=100) == {1: 1.0, 10: 1.0}


@needs_faiss
def test_recall_is_measured_against_exact_search(index, gallery, monkeypatch):
    """Counted again, image by image."""
    monkeypatch.setattr(approximate_neighbours, "SEARCH_BREADTH", 4)
    monkeypatch.setattr(approximate_neighbours, "LISTS_LOOKED_THROUGH", 1)
    cosines = gallery @ gallery.T
    np.fill_diagonal(cosines, -np.inf)
    exact = np.argsort(-cosines, axis=1)[:, :5]
    found = [[place for place in row if place != image][:5] for image, row in enumerate(index.nearest(gallery, 6)[0])]
    hits = [len(set(one) & set(other)) for one, other in zip(found, exact.tolist(), strict=True)]
    assert 0.1 < sum(hits) / 15_000 < 1
    assert measured_recall(index, at=[5], sample=3000)[5] == pytest.approx(sum(hits) / 15_000, abs=1e-9)


@needs_faiss
def test_where_fewer_are_found_the_rest_is_no_image(gallery, few_images_will_do, monkeypatch):
    monkeypatch.setattr(approximate_neighbours, "LISTS_LOOKED_THROUGH", 1)
    places, similarity = built_index("ivfpq", gallery).nearest(gallery[:5], 2000)
    found = (places >= 0).sum(axis=1)
    assert (found < 2000).all()
    for row, number in enumerate(found):
        assert len(set(places[row, :number])) == number
        assert (places[row, number:] == -1).all()
        assert np.isneginf(similarity[row, number:]).all()


@needs_faiss
def test_a_gallery_on_the_disk_is_read_a_stretch_at_a_time(gallery, few_images_will_do, tmp_path, monkeypatch):
    np.save(tmp_path / "gallery.npy", gallery)
    on_disk = np.load(tmp_path / "gallery.npy", mmap_mode="c")
    whole = built_index("ivfpq", gallery).nearest(gallery[:30], 10)
    monkeypatch.setattr(approximate_neighbours, "ROWS_AT_A_TIME", 700)
    walked = built_index("ivfpq", on_disk).nearest(gallery[:30], 10)
    assert np.array_equal(whole[0], walked[0])
    assert np.array_equal(whole[1], walked[1])


@needs_faiss
@pytest.mark.parametrize("images", [2, 7])
def test_the_graph_of_a_few_images(images):
    small = clustered(images, 8)
    assert measured_recall(built_index("hnsw", small), at=[1, 10]) == {1: 1.0}


@needs_faiss
def test_too_few_images_to_learn_codes_from():
    with pytest.raises(UserError, match=r"from at least 16,384 images, and this gallery has 300; .*--index exact"):
        built_index("ivfpq", clustered(300, 8))


def test_without_faiss_one_sentence_tells_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--index hnsw needs faiss, .*pip install -r requirements-search\.txt"):
        require_faiss("hnsw")


def test_shares_of_three_and_two():
    """First row: one of the first two and two of the first three; second row: all."""
    exact, found = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[2, 9, 1], [6, 5, 4]])
    assert recall_of(found, exact, [1, 2, 3]) == {1: 0.0, 2: 0.5, 3: 5 / 6}


def test_an_image_is_not_its_own_neighbour():
    found = np.array([[7, 1, 2], [1, 8, 2], [1, 2, 3]])
    assert others(found, np.array([7, 8, 9])).tolist() == [[1, 2], [1, 2], [1, 2]]


@pytest.mark.parametrize(("size", "code"), [(512, 128), (128, 32), (6, 1), (3, 1), (14, 2), (100, 25), (13, 1)])
def test_codes_cut_features_into_equal_parts(size, code):
    assert bytes_of_code(size) == code


@needs_faiss
@pytest.mark.parametrize("kind", KINDS)
def test_an_image_with_nothing_to_see(kind, few_images_will_do):
    """A feature of zeros, which is as far from all: no error, no number that is none."""
    gallery = clustered(1100, 8)
    gallery[::100] = 0
    places, similarity = built_index(kind, gallery).nearest(gallery[:3], 5)
    assert np.isfinite(similarity).all()
    assert (places >= 0).all()


def test_places_that_are_equally_near_come_in_their_order():
    """Whatever the order in which an index gives them."""

    class Index(ApproximateIndex):
        def _candidates(self, queries, count):
            return np.array([[3, 0, 2, -1, 1]])

    gallery = np.array([[1, 0], [0, 1], [1, 0], [1, 0]], np.float32)
    places, similarity = Index("hnsw", None, gallery).nearest(gallery[:1], 5)
    assert places.tolist() == [[0, 2, 3, 1, -1]]
    assert similarity.tolist() == [[1, 1, 1, 0, -np.inf]]

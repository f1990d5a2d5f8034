"""The index of faiss: what it finds beside exact search, and how it is kept."""

import numpy as np
import pytest
import torch

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours
from maskcon.explore.index import KeptIndex, kept_index, measured_recall
from maskcon.parameters.errors import UserError


def clustered(images, size=8, classes=40, seed=0):
    """float32 [images, size]: unit rows about the centre of their class."""
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((classes, size))[generator.integers(classes, size=images)]
    rows += 0.7 * generator.standard_normal((images, size))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def exactly(queries, gallery, count):
    return gallery_neighbours(torch.from_numpy(queries), torch.from_numpy(gallery), count)[0].numpy()


def test_most_of_what_is_nearest_is_found_and_its_recall_told(tmp_path):
    gallery, queries = clustered(3000), clustered(50, seed=1)
    index = kept_index(gallery, tmp_path)
    places, cosines = index.nearest(queries, 10)
    expected = exactly(queries, gallery, 10)
    found = np.mean([len(set(one) & set(other)) / 10 for one, other in zip(places, expected, strict=True)])
    assert found > 0.8
    assert index.recall == pytest.approx(found, abs=0.1)
    assert cosines == pytest.approx(np.einsum("mf,mkf->mk", queries, gallery[places]), abs=1e-6)
    assert (np.diff(cosines, axis=1) <= 0).all()


@pytest.mark.parametrize(("images", "recall"), [(1, None), (2, 1.0)])
def test_the_graph_of_a_few_images(tmp_path, images, recall):
    assert kept_index(clustered(images), tmp_path).recall == recall


def test_recall_is_the_share_of_others():
    """An index that finds the image itself and one of the next ten."""
    gallery = clustered(300)

    class Index(KeptIndex):
        def nearest(self, queries, count):
            nearest = exactly(queries, gallery, count)
            return np.concatenate([nearest[:, :2], np.full((len(nearest), count - 2), -1)], axis=1), None

    assert measured_recall(Index(None, None), gallery) == pytest.approx(0.1)


def test_an_index_is_built_once_for_the_same_features_and_a_damaged_one_told(tmp_path):
    gallery = clustered(300)
    first, second = (kept_index(gallery, tmp_path) for _ in range(2))
    assert list(tmp_path.iterdir()) == [first.path] == [second.path]
    assert second.recall is None  # measured as it is built
    assert np.array_equal(first.nearest(gallery[:9], 5), second.nearest(gallery[:9], 5))
    first.path.write_bytes(first.path.read_bytes()[:500])
    with pytest.raises(UserError, match=r"hnsw-\w+\.faiss cannot be read .*; remove it, and it is built again"):
        kept_index(gallery, tmp_path)

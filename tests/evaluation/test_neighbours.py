import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from maskcon.evaluation.retrieval import neighbours
from maskcon.evaluation.retrieval.neighbours import (
    gallery_neighbours,
    gallery_neighbours_by_chunk,
    nearest_neighbours,
    neighbours_by_chunk,
    without_itself,
)


def unit_rows(images, size, seed=0):
    rows = torch.randn(images, size, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


def rows_with_exact_ties(images, seed=0):
    """Unit rows from {-1/2, 1/2}^4: their inner products are exact, and many of them are equal."""
    return torch.randint(0, 2, (images, 4), generator=torch.Generator().manual_seed(seed)).float() - 0.5


def by_definition(features, count):
    """For each image, all others sorted by falling similarity, then by index."""
    found = []
    for query in range(len(features)):
        similarity = [float(sum(a * b for a, b in zip(features[query], row, strict=True))) for row in features]
        others = [image for image in range(len(features)) if image != query]
        found.append(sorted(others, key=lambda image, s=similarity: (-s[image], image))[:count])
    return found


def test_four_points_on_a_circle():
    degrees = torch.tensor([0.0, 10.0, 30.0, 100.0]).deg2rad()
    features = torch.stack([degrees.cos(), degrees.sin()], dim=1)
    assert nearest_neighbours(features, 3).tolist() == [[1, 2, 3], [0, 2, 3], [1, 0, 3], [2, 1, 0]]


@pytest.mark.parametrize("count", [1, 7, 299])
def test_same_as_scikit_learn(count):
    features = unit_rows(300, 16)
    reference = NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(features.double().numpy())
    ((rows, found, similarity),) = neighbours_by_chunk(features, count)
    distance, expected = reference.kneighbors()
    assert rows == slice(0, 300)
    assert np.array_equal(found, expected)
    assert np.allclose(similarity, 1 - distance, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5, 39])
def test_ties_come_in_the_order_of_their_indices(count):
    features = rows_with_exact_ties(40)
    assert nearest_neighbours(features, count).tolist() == by_definition(features.tolist(), count)


def test_an_exact_duplicate_is_a_neighbour_and_the_query_never_is():
    features = unit_rows(50, 8)
    features[[7, 30]] = features[20].clone()
    found = nearest_neighbours(features, 49)
    assert all(sorted(row) == [i for i in range(50) if i != query] for query, row in enumerate(found.tolist()))
    for query in (7, 20, 30):
        assert {query, *found[query, :2].tolist()} == {7, 20, 30}


@pytest.mark.parametrize("queries", [1, 9, 40])
def test_chunks_change_nothing(monkeypatch, queries):
    """Also a last chunk that is short, or a single row."""
    features, count = rows_with_exact_ties(41), 6
    whole = nearest_neighbours(features, count)
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", queries * neighbours.bytes_per_query(41, count))
    chunks = list(neighbours_by_chunk(features, count))
    assert [len(found) for _, found, _ in chunks[:-1]] == [queries] * (40 // queries)
    assert [row for rows, _, _ in chunks for row in range(41)[rows]] == list(range(41))
    assert torch.equal(torch.cat([found for _, found, _ in chunks]), whole)


def walked_by(monkeypatch, stretch):
    monkeypatch.setattr(neighbours, "images_at_a_time", lambda images, count: min(images, stretch))


@pytest.mark.parametrize("stretch", [1, 3, 39])
@pytest.mark.parametrize("count", [1, 5, 39])
def test_stretches_change_nothing(monkeypatch, stretch, count):
    """Neither where ties cross them, nor where one has fewer images than are asked for, or the query alone."""
    features = rows_with_exact_ties(40)
    walked_by(monkeypatch, stretch)
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", 7 * neighbours.bytes_per_query(40, count))
    assert nearest_neighbours(features, count).tolist() == by_definition(features.tolist(), count)


@pytest.mark.parametrize("stretch", [7, 64, 299])
def test_a_gallery_may_lie_on_the_disk_and_is_walked_by_stretches(tmp_path, monkeypatch, recwarn, stretch):
    gallery, queries = unit_rows(300, 8), unit_rows(20, 8, seed=1)
    np.save(tmp_path / "gallery.npy", gallery.numpy())
    on_disk = torch.from_numpy(np.load(tmp_path / "gallery.npy", mmap_mode="c"))
    whole, similarity = gallery_neighbours(queries, gallery, 10)
    walked_by(monkeypatch, stretch)
    found, walked = gallery_neighbours(queries, on_disk, 10)
    assert torch.equal(found, whole)
    assert torch.allclose(walked, similarity, atol=1e-6)
    assert not recwarn.list


def test_in_a_gallery_nothing_is_left_out_unless_asked_for():
    features = rows_with_exact_ties(40)
    expected = [sorted(range(40), key=lambda i, q=query: (-float(features[i] @ q), i))[:6] for query in features]
    found, _ = gallery_neighbours(features, features, 6)
    assert found.tolist() == expected
    assert without_itself(found, torch.arange(40)).tolist() == by_definition(features.tolist(), 5)


@pytest.mark.parametrize("count", [0, 4])
def test_too_many_neighbours(count):
    with pytest.raises(ValueError, match=f"count={count}: each of 4 images has 1 to 3 neighbours"):
        nearest_neighbours(unit_rows(4, 4), count)
    with pytest.raises(ValueError, match=f"count={count}: a gallery of 3 images has 1 to 3 neighbours"):
        next(gallery_neighbours_by_chunk(unit_rows(5, 4), unit_rows(3, 4), count))

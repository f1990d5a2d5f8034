import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from maskcon.evaluation.retrieval import neighbours
from maskcon.evaluation.retrieval.neighbours import gallery_neighbours, neighbours_by_chunk, without_itself
from tests.evaluation.made_up_parts import unit_rows


def rows_with_exact_ties(images):
    """Unit rows from {-1/2, 1/2}^4: their inner products are exact, and many of them are equal."""
    return torch.randint(0, 2, (images, 4), generator=torch.Generator().manual_seed(0)).float() - 0.5


def by_definition(features, count):
    """For each image, all others sorted by falling similarity, then by index."""
    found = []
    for query in range(len(features)):
        similarity = [float(sum(a * b for a, b in zip(features[query], row, strict=True))) for row in features]
        others = [image for image in range(len(features)) if image != query]
        found.append(sorted(others, key=lambda image, s=similarity: (-s[image], image))[:count])
    return found


def nearest(features, count):
    return torch.cat([found for _, found, _ in neighbours_by_chunk(features, count)])


def walked_by(monkeypatch, stretch):
    monkeypatch.setattr(neighbours, "images_at_a_time", lambda images, count: min(images, stretch))


@pytest.mark.parametrize("count", [1, 7, 299])
def test_same_as_scikit_learn(count):
    features = unit_rows(300, 16)
    reference = NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(features.double().numpy())
    ((rows, found, similarity),) = neighbours_by_chunk(features, count)
    distance, expected = reference.kneighbors()
    assert rows == slice(0, 300)
    assert np.array_equal(found, expected)
    assert np.allclose(similarity, 1 - distance, atol=1e-6)


def test_an_exact_duplicate_is_a_neighbour_and_the_query_never_is():
    features = unit_rows(50, 8)
    features[[7, 30]] = features[20].clone()
    found = nearest(features, 49)
    assert all(sorted(row) == [i for i in range(50) if i != query] for query, row in enumerate(found.tolist()))
    for query in (7, 20, 30):
        assert {query, *found[query, :2].tolist()} == {7, 20, 30}


@pytest.mark.parametrize("stretch", [1, 3, 39, 40])
@pytest.mark.parametrize(("count", "queries"), [(1, 40), (2, 1), (5, 7), (39, 9)])
def test_ties_come_in_the_order_of_their_indices_whatever_is_done_at_once(monkeypatch, stretch, count, queries):
    """Also where ties cross stretches, or one has fewer images than are asked for, or the query alone."""
    features = rows_with_exact_ties(40)
    walked_by(monkeypatch, stretch)
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", queries * neighbours.bytes_per_query(40, count))
    chunks = list(neighbours_by_chunk(features, count))
    assert [len(found) for _, found, _ in chunks[:-1]] == [queries] * (39 // queries)
    assert [row for rows, _, _ in chunks for row in range(40)[rows]] == list(range(40))
    assert torch.cat([found for _, found, _ in chunks]).tolist() == by_definition(features.tolist(), count)


@pytest.mark.parametrize("stretch", [7, 299])
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

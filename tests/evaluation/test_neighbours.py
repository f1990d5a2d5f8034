import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from maskcon.evaluation.retrieval import neighbours
from maskcon.evaluation.retrieval.neighbours import gallery_neighbours_by_chunk, nearest_neighbours, neighbours_by_chunk


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


@pytest.mark.parametrize("count", [1, 7, 99, 299])
def test_same_as_scikit_learn(count):
    features = unit_rows(300, 16)
    reference = NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(features.double().numpy())
    assert np.array_equal(nearest_neighbours(features, count), reference.kneighbors(return_distance=False))


@pytest.mark.parametrize("count", [1, 2, 5, 20, 39])
def test_ties_come_in_the_order_of_their_indices(count):
    features = rows_with_exact_ties(40)
    assert nearest_neighbours(features, count).tolist() == by_definition(features.tolist(), count)


def test_all_images_the_same():
    features = torch.tensor([[0.5, 0.5, 0.5, 0.5]]).repeat(5, 1)
    assert nearest_neighbours(features, 2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


def test_an_exact_duplicate_is_a_neighbour_and_the_query_never_is():
    features = unit_rows(50, 8)
    features[[7, 30]] = features[20].clone()
    found = nearest_neighbours(features, 49)
    assert all(sorted(row) == [i for i in range(50) if i != query] for query, row in enumerate(found.tolist()))
    for query in (7, 20, 30):
        assert {query, *found[query, :2].tolist()} == {7, 20, 30}


@pytest.mark.parametrize("queries", [1, 2, 9, 16, 40])
def test_chunks_change_nothing(monkeypatch, queries):
    """Also a last chunk that is short, or a single row."""
    features, count = rows_with_exact_ties(41), 6
    whole = nearest_neighbours(features, count)
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", queries * neighbours.bytes_per_query(41, count))

    chunks = list(neighbours_by_chunk(features, count))
    assert [len(found) for _, found in chunks[:-1]] == [queries] * (40 // queries)
    assert [row for rows, _ in chunks for row in range(41)[rows]] == list(range(41))
    assert torch.equal(torch.cat([found for _, found in chunks]), whole)


def test_a_chunk_never_has_more_than_its_share_of_memory(monkeypatch):
    sizes = []
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", 2**16)
    for _, found in neighbours_by_chunk(unit_rows(1000, 4), 50):
        sizes.append(len(found) * (4 * 1000 + neighbours.BYTES_PER_NEIGHBOUR * 50))
    assert max(sizes) <= 2**16
    assert len(sizes) > 100


def walked_by(monkeypatch, stretch):
    monkeypatch.setattr(neighbours, "images_at_a_time", lambda images, count: min(images, stretch))


@pytest.mark.parametrize("stretch", [1, 3, 10, 39, 40])
@pytest.mark.parametrize("count", [1, 5, 12, 39])
def test_stretches_change_nothing(monkeypatch, stretch, count):
    """Neither where ties cross them, nor where one has fewer images than are asked for, or the query alone."""
    features = rows_with_exact_ties(40)
    walked_by(monkeypatch, stretch)
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", 7 * neighbours.bytes_per_query(40, count))
    assert nearest_neighbours(features, count).tolist() == by_definition(features.tolist(), count)


@pytest.mark.parametrize("stretch", [1, 7, 64, 299])
@pytest.mark.parametrize("count", [1, 10, 300])
def test_a_gallery_is_walked_by_stretches(monkeypatch, stretch, count):
    """Of images that all differ, and of few different ones; similarities too."""
    for rows in (unit_rows, lambda images, _, seed=0: rows_with_exact_ties(images, seed)):
        queries, gallery = rows(20, 16, seed=1), rows(300, 16)
        ((_, whole, similarity),) = gallery_neighbours_by_chunk(queries, gallery, count)
        with monkeypatch.context() as patched:
            walked_by(patched, stretch)
            ((_, found, walked),) = gallery_neighbours_by_chunk(queries, gallery, count)
        assert torch.equal(found, whole)
        assert torch.allclose(walked, similarity, atol=1e-6)


def test_a_gallery_may_lie_on_the_disk(tmp_path, monkeypatch, recwarn):
    gallery, queries = unit_rows(100, 8), unit_rows(9, 8, seed=1)
    np.save(tmp_path / "gallery.npy", gallery.numpy())
    on_disk = torch.from_numpy(np.load(tmp_path / "gallery.npy", mmap_mode="c"))
    ((_, whole, _),) = gallery_neighbours_by_chunk(queries, gallery, 5)
    walked_by(monkeypatch, 30)
    ((_, found, _),) = gallery_neighbours_by_chunk(queries, on_disk, 5)
    assert torch.equal(found, whole)
    assert not recwarn.list


@pytest.mark.parametrize("count", [1, 100])
def test_memory_of_a_query_is_bounded_however_many_images(count):
    """So a chunk keeps its number of queries, and the gallery is read as rarely."""
    assert neighbours.bytes_per_query(10**9, count) == neighbours.bytes_per_query(10**6, count)
    assert neighbours.CHUNK_BYTES // neighbours.bytes_per_query(10**9, count) > 700


@pytest.mark.parametrize("images", [31, 32, 33, 700])
@pytest.mark.parametrize("count", [1, 2, 10])
def test_blocks_change_nothing(monkeypatch, images, count):
    """Neither where ties cross blocks nor where the last block is full, or holds a single image."""
    monkeypatch.setattr(neighbours, "MANY_BLOCKS", 1)
    for features in (unit_rows(images, 8), rows_with_exact_ties(images)):
        monkeypatch.setattr(neighbours, "BLOCK", 32)
        found = nearest_neighbours(features, count)
        monkeypatch.setattr(neighbours, "BLOCK", 10_000)  # all in one: no choice among blocks
        assert torch.equal(found, nearest_neighbours(features, count))


def test_highest_entries_are_found_in_their_blocks(monkeypatch):
    """Against topk, where many entries are equal, also across blocks; values alone, as ties have no order there."""
    monkeypatch.setattr(neighbours, "MANY_BLOCKS", 1)
    generator = torch.Generator().manual_seed(0)
    for levels in (2, 7, 10_000):
        similarity = torch.randint(levels, (40, 3200), generator=generator).float()
        for count in (1, 5, 49, 50, 51, 3200):
            values, indices = neighbours._top(similarity, count)
            assert torch.equal(values, similarity.topk(count, dim=1).values)
            assert torch.equal(values, similarity.gather(1, indices))
            assert all(len(row.unique()) == count for row in indices)


@pytest.mark.parametrize("count", [0, 3, 4])
def test_too_many_neighbours(count):
    with pytest.raises(ValueError, match=f"count={count}: each of 3 images has 1 to 2 neighbours"):
        nearest_neighbours(unit_rows(3, 4), count)


@pytest.mark.parametrize("count", [1, 7, 99, 300])
def test_a_gallery_of_other_images(count):
    queries, gallery = unit_rows(80, 16, seed=1), unit_rows(300, 16)
    reference = NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(gallery.double().numpy())
    ((rows, found, similarity),) = gallery_neighbours_by_chunk(queries, gallery, count)
    distance, expected = reference.kneighbors(queries.double().numpy())
    assert np.array_equal(found, expected)
    assert np.allclose(similarity, 1 - distance, atol=1e-6)
    assert rows == slice(0, 80)


def test_in_a_gallery_nothing_is_left_out():
    features = unit_rows(20, 8)
    for _, found, similarity in gallery_neighbours_by_chunk(features, features, 1):
        assert found[:, 0].tolist() == list(range(20))
        assert torch.allclose(similarity, torch.ones(20, 1))


@pytest.mark.parametrize("count", [1, 5, 39, 40])
def test_ties_in_a_gallery_come_in_the_order_of_their_indices(monkeypatch, count):
    gallery, queries = rows_with_exact_ties(40), rows_with_exact_ties(11, seed=1)
    expected = [sorted(range(40), key=lambda i, q=query: (-float(gallery[i] @ q), i))[:count] for query in queries]
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", 3 * neighbours.bytes_per_query(40, count))
    chunks = [found for _, found, _ in gallery_neighbours_by_chunk(queries, gallery, count)]
    assert [len(found) for found in chunks] == [3, 3, 3, 2]
    assert torch.cat(chunks).tolist() == expected


@pytest.mark.parametrize("count", [0, 4])
def test_a_gallery_with_too_few_images(count):
    with pytest.raises(ValueError, match=f"count={count}: a gallery of 3 images has 1 to 3 neighbours"):
        next(gallery_neighbours_by_chunk(unit_rows(5, 4), unit_rows(3, 4), count))

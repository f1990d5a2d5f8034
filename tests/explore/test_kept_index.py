import json

import numpy as np
import pytest

from maskcon.explore import kept_index as module
from maskcon.explore.kept_index import kept_index
from maskcon.parameters.errors import UserError
from tests.explore.test_approximate_neighbours import clustered

pytest.importorskip("faiss", reason="needs requirements-search.txt")


@pytest.fixture
def builds(monkeypatch):
    """The galleries that indexes were built of, as often as they were."""
    built, build = [], module.built_index
    monkeypatch.setattr(module, "built_index", lambda kind, gallery: built.append(kind) or build(kind, gallery))
    return built


def test_an_index_is_built_once(tmp_path, builds):
    gallery = clustered(300, 8)
    first, second = (kept_index("hnsw", gallery, tmp_path / "indexes") for _ in range(2))
    assert builds == ["hnsw"]
    assert first.path == second.path
    assert sorted(path.suffix for path in (tmp_path / "indexes").iterdir()) == [".faiss", ".json"]
    assert first.recall == second.recall
    assert 0.9 < first.recall[10] <= 1
    assert first.sample == 300
    for one, other in zip(first.index.nearest(gallery[:9], 5), second.index.nearest(gallery[:9], 5), strict=True):
        assert np.array_equal(one, other)


def test_other_features_have_an_index_of_their_own(tmp_path, builds):
    gallery = clustered(300, 8)
    kept_index("hnsw", gallery, tmp_path)
    gallery[7] = gallery[8]
    kept_index("hnsw", gallery, tmp_path)
    assert len(builds) == 2


def test_an_index_that_was_not_finished_is_built_again(tmp_path, builds):
    gallery = clustered(300, 8)
    kept = kept_index("hnsw", gallery, tmp_path)
    kept.path.with_suffix(".json").unlink()
    kept_index("hnsw", gallery, tmp_path)
    assert len(builds) == 2


def test_a_damaged_file_is_named(tmp_path):
    gallery = clustered(300, 8)
    kept = kept_index("hnsw", gallery, tmp_path)
    kept.path.write_bytes(kept.path.read_bytes()[:500])
    with pytest.raises(UserError, match=r"hnsw-\w+\.faiss cannot be read .*; remove it, and it is built again"):
        kept_index("hnsw", gallery, tmp_path)


def test_recall_is_written_beside_it(tmp_path):
    kept = kept_index("hnsw", clustered(300, 8), tmp_path)
    written = json.loads(kept.path.with_suffix(".json").read_text())
    assert written["recall"] == {str(k): share for k, share in kept.recall.items()}
    assert (written["kind"], written["images"]) == ("hnsw", 300)

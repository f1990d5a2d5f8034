"""The benchmark of scale at tiny sizes: what it makes, measures, keeps, and says."""

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.scale import __main__ as scale
from benchmarks.scale import growth, images, measuring, retrieval
from benchmarks.scale.drawing import draw
from benchmarks.scale.measuring import FailedWork, in_own_process
from benchmarks.scale.table import as_markdown, table
from maskcon.images.packed.image_set import read_training_set
from tests.benchmarks import scale_work

WORKS = scale_work.__name__
HAS_FAISS = importlib.util.find_spec("faiss") is not None


# Processes of their own


def test_memory_is_the_process_own(tmp_path):
    row = in_own_process(f"{WORKS}:takes", tmp_path, {"mebibytes": 200})
    assert (row["status"], row["sum"]) == ("done", 200 * 2**20)
    assert 195 < row["anonymous"] - row["anonymous_before"] < 230
    assert row["resident"] >= row["anonymous"]


def test_pages_of_a_file_are_not(tmp_path):
    scale_work.maps(tmp_path, 200)
    row = in_own_process(f"{WORKS}:reads", tmp_path)
    assert row["anonymous"] - row["anonymous_before"] < 20
    assert row["resident"] > row["anonymous"] + 150


def test_who_may_not_have_the_memory_does_not_get_it(tmp_path):
    rows = [in_own_process(f"{WORKS}:takes", tmp_path, {"mebibytes": 200}, most_bytes=n * 2**20) for n in (100, 300)]
    assert [row["status"] for row in rows] == ["out of memory", "done"]
    assert "sum" not in rows[0]


def test_other_errors_are_told(tmp_path):
    with pytest.raises(FailedWork, match="ZeroDivisionError: in somewhere"):
        in_own_process(f"{WORKS}:breaks", tmp_path / "somewhere")


# The works, in this process


def test_a_set_is_made_packed_and_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "BATCH_FILE", 300)
    images.make(tmp_path, 1000)
    assert len(list((tmp_path / "source/train").iterdir())) == 4
    assert images.pack(tmp_path)["disk"] == pytest.approx(1000 * 3072 / 2**20, rel=0.05)
    number = len(read_training_set(tmp_path / "packed/train").images)
    assert 850 < number < 1000  # few images of each class: fewer than a tenth of them are held out
    for held in (True, False):
        found = images.start(tmp_path, held)
        assert found["set"] == pytest.approx(number * 3072 / 2**20, abs=0.1)
        assert {"open_seconds", "hold_seconds", "first_batch_seconds", "batch_seconds", "digest_seconds"} < set(found)


def test_features_have_classes_and_neighbours(tmp_path):
    retrieval.make(tmp_path / "made", 3000)
    gallery = np.load(tmp_path / "made/gallery.npy")
    assert (gallery.shape, gallery.dtype) == ((3000, 128), np.float32)
    assert np.linalg.norm(gallery, axis=1) == pytest.approx(np.ones(3000), abs=1e-5)
    row = retrieval.exact(tmp_path / "made")
    assert row["queries"] == 1000
    assert 0.5 < row["recall_at_1"] < row["recall_at_10"] <= 1
    _, chosen = retrieval.opened(tmp_path / "made")
    cosines = gallery[chosen] @ gallery.T
    cosines[np.arange(1000), chosen] = -np.inf
    assert np.array_equal(np.load(tmp_path / "made/exact.npy")[:, 0], cosines.argmax(axis=1))


@pytest.mark.skipif(not HAS_FAISS, reason="needs requirements-search.txt")
def test_an_index_is_measured_against_exact_search(tmp_path):
    retrieval.make(tmp_path / "made", 3000)
    exact = retrieval.exact(tmp_path / "made")
    row = retrieval.by_index(tmp_path / "made", "hnsw")
    assert 0.9 < row["found_at_10"] <= 1
    assert row["recall_at_1"] == pytest.approx(exact["recall_at_1"], abs=0.05)
    assert 4 * 128 < row["index_bytes"] < 1000
    assert not list((tmp_path / "made").glob("*.faiss"))


# The whole


def in_this_process(function, folder, options=None, threads=1, most_bytes=None):
    """What in_own_process does, without the seconds that a process takes to begin."""
    module, name = function.split(":")
    work = getattr({"images": images, "retrieval": retrieval}[module.rsplit(".", 1)[1]], name)
    taken = {"seconds": 1.0, "processor_seconds": 1.0, "anonymous_before": 100.0, "anonymous": 150.0, "resident": 300.0}
    if most_bytes and options["held"]:
        return {"status": "out of memory", **taken}
    return {"status": "done", **work(folder, **(options or {})), **taken}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command with these words; returns the works that were run."""
    done = []
    monkeypatch.setattr(scale, "commit", lambda: "abc")
    monkeypatch.setattr(
        scale, "in_own_process", lambda *what, **how: done.append(what[0]) or in_this_process(*what, **how)
    )

    def command(*words):
        done.clear()
        folders = ["--folder", str(tmp_path / "data"), "--results", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["scale", *words, *folders])
        scale.main()
        return [name.rsplit(":", 1)[1] for name in done]

    return command


def test_what_is_measured_is_kept_and_not_measured_again(run, tmp_path):
    sizes = ["--sizes", "1000", "2000"]
    first = run("--only", "images", *sizes)
    assert first == ["make", "pack", "start", "start", "start", "start"] * 2
    run("--only", "retrieval", "--works", "exact", *sizes)
    assert run("--only", "images", *sizes) == []
    assert run("--only", "images", "--works", "epoch, held", "--again", "--sizes", "1000") == ["make", "pack", "start"]
    rows = pd.read_csv(tmp_path / "scale_images.csv")
    assert len(rows) == 10
    assert not list((tmp_path / "data").iterdir())
    written = (tmp_path / "scale.md").read_text()
    assert "does not fit" in written
    assert "| grows as N to the |" in written.replace("  ", "")
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")


def test_data_are_removed_where_a_work_fails(run, tmp_path, monkeypatch):
    def fails(folder):
        raise ZeroDivisionError

    monkeypatch.setattr(images, "pack", fails)
    with pytest.raises(ZeroDivisionError):
        run("--only", "images", "--sizes", "1000")
    assert not list((tmp_path / "data").iterdir())
    assert not (tmp_path / "scale_images.csv").exists()


def test_an_index_has_the_sizes_that_it_can_have(capsys, monkeypatch):
    works = scale.PARTS["retrieval"].works
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert not scale.can_be_measured("ivfpq", works["ivfpq"], 10_000)
    assert scale.can_be_measured("ivfpq", works["ivfpq"], 10_000_000)
    assert not scale.can_be_measured("hnsw", works["hnsw"], 10_000_000)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not scale.can_be_measured("hnsw", works["hnsw"], 10_000)
    assert "faiss is not installed" in capsys.readouterr().out


# Sums


def some_rows(power=1.0, per_image=100.0):
    """Rows of packing whose seconds grow with this power, and whose memory with so many bytes an image."""
    sizes = np.array([10_000, 100_000, 1_000_000])
    return pd.DataFrame(
        {
            "work": "packing",
            "status": "done",
            "images": sizes,
            "seconds": 1e-5 * sizes**power,
            "processor_seconds": 1e-5 * sizes**power,
            "anonymous": 500 + per_image * sizes / 2**20,
            "anonymous_before": 400.0,
            "disk": 3000 * sizes / 2**20,
        }
    )


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_growth_of_a_power(power):
    assert growth.exponent(some_rows(power), "seconds") == pytest.approx(power)
    assert f"{power:.2f}" in table(some_rows(power), [("packing", "packing", "seconds", str)], growth=True)


def test_growth_needs_two_sizes():
    assert np.isnan(growth.exponent(some_rows().iloc[-1:], "seconds"))


def test_a_billion_by_hand():
    """10 us an image are 10,000 s; 3,000 bytes 3 TB; 100 bytes of memory 100 GB."""
    found = {one.what: one.result for one in growth.to_a_billion(some_rows(), pd.DataFrame())}
    assert found == {"the packed set, on the disk": "3 TB", "packing": "2.78 hours", "packing, memory": "100 GB"}


def test_a_billion_queries_by_hand():
    """4 ms a query among a million: 4 s among a billion, and 4e9 s for all. Lists: 1000^1.5 and 1000^0.5 times."""
    row = {"images": 10**6, "status": "done", "index_bytes": 40.0}
    row |= {"query_processor_seconds": 0.004, "build_processor_seconds": 10.0}
    rows = pd.DataFrame([row | {"work": "exact"}, row | {"work": "ivfpq"}])
    found = {one.what: one.result for one in growth.to_a_billion(pd.DataFrame(), rows)}
    assert found["exact search, one query of many"] == "4 s"
    assert found["exact search, all"] == "127 years"
    assert found["IVF-PQ, in memory"] == "40 GB"
    assert found["IVF-PQ, building, as N sqrt(N)"] == "3.66 days"
    assert found["IVF-PQ, a query, as sqrt(N)"] == "126 ms"


def test_without_rows_there_is_a_table_and_a_picture(tmp_path):
    assert "a billion" in as_markdown(pd.DataFrame(), pd.DataFrame())
    draw(pd.DataFrame(), pd.DataFrame(), tmp_path / "scale.png")
    assert (tmp_path / "scale.png").exists()


def test_memory_field_is_read_in_mebibytes(tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "STATUS", tmp_path / "status")
    (tmp_path / "status").write_text("Name:\tx\nRssAnon:\t    2048 kB\n")
    assert measuring._mebibytes("RssAnon") == 2

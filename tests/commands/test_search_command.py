import importlib.util
import json

import numpy as np
import pytest
from PIL import Image

from maskcon.__main__ import main
from maskcon.commands.search import INDEXES
from maskcon.explore.approximate_neighbours import KINDS
from maskcon.parameters.errors import USER_ERROR_EXIT_CODE
from tests.support.finished_run import number_images, two_digit_labels
from tests.support.searchable_workspace import write_workspace


@pytest.fixture
def workspace(tmp_path, tiny_parameters, monkeypatch):
    labels = two_digit_labels(40)
    write_workspace(tmp_path, tiny_parameters(), labels, number_images(labels["fine"]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "README.md").write_text("# no photo\n")
    for number in (3, 4):
        Image.fromarray(np.load("data/sets/two_digits/test/images.npy")[number]).save(f"{number}.png")
    return tmp_path


def test_a_table_and_a_picture(workspace, capsys):
    main(["search", "3.png", "4.png", "--top", "12"])
    printed = capsys.readouterr().out
    assert "3.png\n\n  rank    cosine  fine class    coarse class    image\n" in printed
    assert printed.count("   1.000  ") == 2
    assert "2 photos in " in printed
    assert "among 40 images of two_digits" in printed
    with Image.open("exports/search.png") as picture:
        assert picture.size[0] > 1000
        assert np.asarray(picture.convert("L")).std() > 10


def test_an_index_is_built_measured_and_kept(workspace, capsys):
    pytest.importorskip("faiss", reason="needs requirements-search.txt")
    main(["search", "3.png", "4.png", "--json"])
    exact = json.loads(capsys.readouterr().out)
    assert exact["index"] == {"kind": "exact"}
    main(["search", "3.png", "4.png", "--json", "--index", "hnsw"])
    found = json.loads(capsys.readouterr().out)
    [kept] = (workspace / "exports/indexes").glob("*.faiss")
    assert found["queries"] == exact["queries"]  # a graph of 40 images is walked whole
    assert found["index"] == {
        "kind": "hnsw",
        "file": str(kept.relative_to(workspace)),
        "recall_at_1": 1.0,
        "recall_at_10": 1.0,
        "recall_of_images": 40,
    }
    main(["search", "3.png", "--index", "hnsw"])
    assert (
        "For 40 images of the gallery it finds, of what exact search finds: 100.0% of the first 1, 100.0% of the "
        in (capsys.readouterr().out)
    )


def test_too_few_images_for_an_index(workspace, capsys):
    pytest.importorskip("faiss", reason="needs requirements-search.txt")
    with pytest.raises(SystemExit):
        main(["search", "3.png", "--index", "ivfpq"])
    assert "learns its codes from at least 16,384 images, and this gallery has 40" in capsys.readouterr().err
    assert not list((workspace / "exports").rglob("*.faiss"))


def test_no_index_is_built_for_what_is_no_photo(workspace, capsys):
    pytest.importorskip("faiss", reason="needs requirements-search.txt")
    with pytest.raises(SystemExit):
        main(["search", "models/encoder.pt", "--index", "hnsw"])
    assert "models/encoder.pt is no image" in capsys.readouterr().err
    assert not (workspace / "exports").exists()


def test_an_index_without_faiss(workspace, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "faiss" else find(name, *more))
    with pytest.raises(SystemExit) as ended:
        main(["search", "3.png", "--index", "hnsw"])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    assert "--index hnsw needs faiss" in capsys.readouterr().err


def test_every_kind_of_index_can_be_asked_for():
    assert ("exact", *KINDS) == INDEXES


def test_json(workspace, capsys):
    main(["search", "3.png", "--json", "--top", "2", "--picture", "found.png"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["gallery"] == {"name": "two_digits", "images": 40}
    [query] = printed["queries"]
    assert query["photo"] == "3.png"
    assert [one["rank"] for one in query["nearest"]] == [1, 2]
    assert query["nearest"][0]["image"] == "image 3"
    assert printed["picture"] == "found.png"
    assert (workspace / "found.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.png"], "cannot read 1 of 1 photos: none.png is not there"),
        (
            ["none.png", "README.md", "3.png", "models"],
            "cannot read 3 of 4 photos: none.png is not there; README.md is no image of a known format; "
            "models is a folder",
        ),
        (["none.png", "--picture", "models"], "cannot write models: Is a directory; name a file, not a folder"),
        (["3.png", "--picture", "3.png/x.png"], "cannot write 3.png/x.png: Not a directory; a file is where a folder"),
        (["3.png", "--top", "0"], "--top 0 is not allowed"),
        (["models/encoder.pt"], "models/encoder.pt is no image"),
    ],
)
def test_a_mistake_is_a_sentence(workspace, capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        main(["search", *words])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    assert message in capsys.readouterr().err
    assert not (workspace / "exports").exists()


def test_without_images_the_table_alone(workspace, capsys):
    (workspace / "data/sets/two_digits/test/labels.csv").unlink()
    main(["search", "3.png"])
    assert "No picture: data/sets/two_digits/test" in capsys.readouterr().out
    assert not (workspace / "exports").exists()

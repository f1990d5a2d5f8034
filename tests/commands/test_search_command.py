import json

import numpy as np
import pytest
from PIL import Image

from maskcon.__main__ import main


@pytest.fixture(autouse=True)
def photos(workspace):
    for number in (3, 4):
        Image.fromarray(np.load("data/sets/two_digits/test/images.npy")[number]).save(f"{number}.png")


def as_json(capsys, *words: str) -> dict:
    main(["search", "--json", *words])
    return json.loads(capsys.readouterr().out)


def test_a_table_and_a_picture(workspace, capsys):
    main(["search", "3.png", "4.png", "--top", "12"])
    printed = capsys.readouterr().out
    assert "3.png\n\n  rank    cosine    right  fine class    coarse class    image\n" in printed
    assert printed.count("   1.000  ") == 2
    assert "Searched: 40 images of two_digits" in printed
    assert (
        "Right: of 40 validation images whose neighbour of that rank is about as near, how many share its fine class\n"
        in printed
    )
    with Image.open("exports/search.png") as picture:
        assert picture.size[0] > 1000
        assert np.asarray(picture.convert("L")).std() > 10


def test_json(workspace, capsys):
    printed = as_json(capsys, "3.png", "--top", "2", "--picture", "found.png")
    assert printed["gallery"] == {"name": "two_digits", "images": 40}
    [query] = printed["queries"]
    assert printed["right"] == {"of": 40, "label": "fine"}
    assert (query["photo"], query["is_good_match"]) == ("3.png", True)
    assert [one["rank"] for one in query["nearest"]] == [1, 2]
    assert list(query["nearest"][0]) == ["rank", "cosine", "coarse", "fine", "image", "place", "right"]
    assert query["nearest"][0]["image"] == "image 3"
    assert printed["picture"] == "found.png"
    assert (workspace / "found.png").exists()


def test_an_image_of_the_test_part_finds_others_than_itself(workspace, capsys):
    [of_photo] = as_json(capsys, "3.png", "--top", "4")["queries"]
    [query] = as_json(capsys, "--from", "test:3", "--top", "3")["queries"]
    assert query["photo"] == "image 3"
    assert [near["place"] for near in query["nearest"]] == [near["place"] for near in of_photo["nearest"][1:]]
    assert [near["rank"] for near in query["nearest"]] == [1, 2, 3]


def test_an_index_is_built_measured_and_kept(workspace, capsys):
    exact = as_json(capsys, "3.png", "4.png")
    assert exact["index"] is None
    main(["search", "3.png", "--index", "hnsw"])
    [kept] = (workspace / "exports/indexes").glob("*.faiss")
    kept = kept.relative_to(workspace)
    assert f"Index: {kept}, new; it finds 100.0% of an image's 10 nearest" in capsys.readouterr().out
    found = as_json(capsys, "3.png", "4.png", "--index", "hnsw")
    assert found["index"] == str(kept)
    for one, other in zip(found["queries"], exact["queries"], strict=True):  # a graph of 40 images is walked whole
        assert [near["place"] for near in one["nearest"]] == [near["place"] for near in other["nearest"]]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["none.png", "README.md", "3.png", "models"],
            "cannot read 3 of 4 photos: none.png cannot be read (No such file or directory); "
            "README.md is not an image of a known format; models is not a file",
        ),
        (["none.png", "--picture", "models"], "cannot write models: Is a directory; name a file, not a folder"),
        (["3.png", "--picture", "3.png/x.png"], "cannot write 3.png/x.png: Not a directory; a file is where a folder"),
        ([], "name photos, or one image of the test part by its number, such as --from test:42"),
        (["--from", "val:3"], "name photos, or one image of the test part by its number, such as --from test:42"),
        (["--from", "test:40"], "--from test:40: two_digits has images 0 to 39; name another image"),
        (["3.png", "--top", "0"], "--top 0 is not allowed"),
        (["models/encoder.pt", "--index", "hnsw"], "models/encoder.pt is not an image"),
    ],
)
def test_a_mistake_is_a_sentence(workspace, refusal, words, message):
    assert message in refusal("search", *words)
    assert not (workspace / "exports").exists()


def test_without_images_only_the_table(workspace, capsys):
    (workspace / "data/sets/two_digits/test/labels.csv").unlink()
    main(["search", "3.png"])
    assert "Picture: none, as data/sets/two_digits/test" in capsys.readouterr().out
    assert not (workspace / "exports").exists()

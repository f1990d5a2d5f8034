import json

import numpy as np
import pytest
from PIL import Image

from maskcon.__main__ import main
from maskcon.errors import USER_ERROR_EXIT_CODE
from tests.finished_run import number_images, two_digit_labels
from tests.searchable_workspace import write_workspace


@pytest.fixture
def workspace(tmp_path, tiny_parameters, monkeypatch):
    labels = two_digit_labels(40)
    write_workspace(tmp_path, tiny_parameters(), labels, number_images(labels["fine"]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
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
        (["none.png"], "there is no file none.png"),
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

import os
import shutil

import pytest
from ruamel.yaml import YAML

from maskcon.__main__ import main


@pytest.fixture
def checkout(tmp_path, monkeypatch, repository):
    (tmp_path / "conf").symlink_to(repository / "conf")
    shutil.copy(repository / "README.md", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_choices_are_written_and_the_parameters_described(checkout):
    main(["params", "loss=grafit", "loss.w=0.8"])
    loss = YAML(typ="safe").load((checkout / "params.yaml").read_text())["loss"]
    assert (loss["name"], loss["w"]) == ("grafit", 0.8)
    assert (checkout / "docs/parameters.md").read_text().startswith("# Parameters\n")


@pytest.mark.parametrize(
    ("choices", "words"),
    [(["loss.ww=0.8"], "loss.ww"), (["data=folder", "data.root=/none"], "data.root=/none is not a folder")],
)
def test_a_mistake_changes_nothing(checkout, capsys, choices, words):
    with pytest.raises(SystemExit):
        main(["params", *choices])
    assert words in capsys.readouterr().err
    assert not (checkout / "params.yaml").exists()


def test_a_pipe_among_the_photos_is_refused_before_anything_is_written(checkout, tmp_path, capsys):
    """DVC, which hashes the photos before any stage runs, would wait at it for ever."""
    (tmp_path / "photos").mkdir()
    os.mkfifo(tmp_path / "photos/a.jpg")
    with pytest.raises(SystemExit):
        main(["params", "data=folder", f"data.root={tmp_path / 'photos'}"])
    assert "a.jpg; remove them" in capsys.readouterr().err
    assert not (checkout / "params.yaml").exists()

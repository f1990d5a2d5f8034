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


@pytest.mark.fault
@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (["loss.ww=0.8"], "loss.ww"),
        (["data=folder", "data.root=none"], "data.root=none is not a folder"),
        (
            ["data=folder", "data.root=photos"],
            "a.jpg; remove them",
        ),  # DVC would wait for it for ever
    ],
)
def test_a_mistake_changes_nothing(checkout, refusal, choices, words):
    (checkout / "photos").mkdir()
    os.mkfifo(checkout / "photos/a.jpg")
    assert words in refusal("params", *choices)
    assert not (checkout / "params.yaml").exists()

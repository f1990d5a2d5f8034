"""A wrong params.yaml before every stage: exit code 2, one sentence, no traceback, and not a file made."""

import os
from importlib import import_module

import pytest
from ruamel.yaml import YAML

from maskcon.runtime.entry import run_stage

STAGES = ["download", "coarse", "pretrain", "embed", "evaluate", "measure", "figures", "gallery", "report", "track"]


@pytest.fixture
def checkout(repository, tmp_path, monkeypatch):
    values = YAML(typ="safe").load((repository / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)

    def write(key, value):
        *groups, name = key.split(".")
        place = values
        for group in groups:
            place = place[group]
        place[name] = value
        with open("params.yaml", "w") as file:
            YAML().dump(values, file)

    return write


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_is_begun(checkout, capsys, stage):
    checkout("train.epochs", "thirty")
    with pytest.raises(SystemExit) as ended:
        run_stage(import_module(f"stages.{stage}").main)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "train.epochs" in said.err
    assert "Traceback" not in said.err
    assert os.listdir() == ["params.yaml"]


@pytest.mark.parametrize(
    ("key", "value", "stage", "said"),
    [
        ("data.raw", "no/such/folder", "coarse", "data.raw=no/such/folder is not a folder"),
        ("data.raw", "params.yaml", "coarse", "data.raw=params.yaml is not a folder"),
        ("data.raw", ".", "coarse", "scans.npz cannot be read"),
    ],
)
def test_what_the_disk_lacks(checkout, capsys, key, value, stage, said):
    checkout(key, value)
    with pytest.raises(SystemExit):
        run_stage(import_module(f"stages.{stage}").main)
    assert said in capsys.readouterr().err
    assert [name for name in os.listdir() if name != ".scratch"] == ["params.yaml"]

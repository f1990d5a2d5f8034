"""A wrong params.yaml before every stage: exit code 2, one sentence, no traceback, and not a file made."""

import os
from importlib import import_module

import pytest
from ruamel.yaml import YAML

from maskcon.runtime.entry import run_stage

STAGES = ["download", "coarse", "pretrain", "embed", "evaluate", "measure", "figures", "report", "track"]
WRONG = {
    "seed": "one",
    "data.root": "a\0b",
    "data.raw": "",
    "data.name": "../two_digits",
    "loss.w": float("nan"),
    "model.projection_size": 10**9,
    "train.queue_size": None,
    "train.epochs": [],
    "evaluate.recall_at": [1, 1],
    "figures.tsne_perplexity": float("inf"),
    "track": {},
}


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
@pytest.mark.parametrize("key", WRONG)
def test_nothing_is_begun(checkout, capsys, stage, key):
    checkout(key, WRONG[key])
    with pytest.raises(SystemExit) as ended:
        run_stage(import_module(f"stages.{stage}").main)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert key.split(".")[0] in said.err
    assert "Traceback" not in said.err
    assert os.listdir() == ["params.yaml"]


@pytest.mark.parametrize(
    ("key", "value", "stage", "said"),
    [
        ("data.raw", "no/such/folder", "coarse", "data.raw=no/such/folder is no folder"),
        ("data.raw", "params.yaml", "coarse", "data.raw=params.yaml is no folder"),
        ("data.raw", ".", "coarse", "scans.npz cannot be read"),
        ("data.images.train", 100_000_000, "download", "GB of memory"),
        ("train.queue_size", 100_000_000, "download", "GB of memory"),
        ("model.projector_hidden_size", 65_536, "download", None),
    ],
)
def test_what_the_machine_or_the_disk_lacks(checkout, capsys, monkeypatch, key, value, stage, said):
    monkeypatch.setattr("maskcon.runtime.memory_needed.host_memory", lambda: 16_000_000_000)
    checkout(key, value)
    if said is None:
        run_stage(import_module(f"stages.{stage}").main)
        return
    with pytest.raises(SystemExit):
        run_stage(import_module(f"stages.{stage}").main)
    assert said in capsys.readouterr().err
    assert [name for name in os.listdir() if name != ".scratch"] == ["params.yaml"]

"""A wrong params.yaml before every stage: exit code 2, one sentence, no traceback, and not a file made."""

import os
from importlib import import_module

import pytest

from maskcon.runtime.entry import run_stage

STAGES = ["download", "coarse", "pretrain", "embed", "evaluate", "measure", "figures", "gallery", "report", "track"]
EPOCHS, RAW = "  epochs: 30\n", "  raw: data/raw/two_digits\n"


@pytest.mark.fault
@pytest.mark.parametrize(
    ("stage", "line", "wrong", "said"),
    [
        *((stage, EPOCHS, "  epochs: thirty\n", 'train.epochs="thirty" is not allowed') for stage in STAGES),
        ("coarse", RAW, "  raw: no/folder\n", "data.raw=no/folder is not a folder"),
        ("coarse", RAW, "  raw: params.yaml\n", "data.raw=params.yaml is not a folder"),
        ("coarse", RAW, "  raw: .\n", "scans.npz cannot be read"),
    ],
)
def test_nothing_is_begun(repository, tmp_path, monkeypatch, capsys, stage, line, wrong, said):
    values = (repository / "params.yaml").read_text()
    assert values.count(line) == 1
    (tmp_path / "params.yaml").write_text(values.replace(line, wrong))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    with pytest.raises(SystemExit) as ended:
        run_stage(import_module(f"stages.{stage}").main)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert [name for name in os.listdir() if name != ".scratch"] == ["params.yaml"]

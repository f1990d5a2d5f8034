"""The script for a GPU, on very small data on whatever there is."""

import json
import sys

import pytest
import torch

from benchmarks import gpu


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Of the whole script, in a process where DVC, MLflow and typst cannot be imported."""
    path = tmp_path_factory.mktemp("gpu") / "gpu.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("dvc", "mlflow", "typst", "hydra"):
            patch.setitem(sys.modules, name, None)
        patch.setattr(sys, "argv", ["gpu", "--tiny", "--out", str(path)])
        gpu.main()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_everything_is_measured(rows):
    assert [row["what"] for row in rows] == ["matmul", *["epoch"] * 4, "photos", "retrieval"]
    assert [(row["batch"], row["who"]) for row in rows if row["what"] == "epoch"] == [
        (batch, who) for batch in gpu.TINY.batches for who in ("ours", "published")
    ]
    assert {row["status"] for row in rows[1:]} == {"measured"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["gpu", "--out", str(tmp_path / "gpu.jsonl")])
    with pytest.raises(SystemExit, match="not measured: no GPU at hand"):
        gpu.main()
    assert not list(tmp_path.iterdir())

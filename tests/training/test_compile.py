"""train.compile: compiled networks lead to the losses of plain ones."""

import shutil

import pytest
import torch

from maskcon.parameters.errors import UserError
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.learner import build_learner
from maskcon.training.loop import Watcher, train


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_losses_of_compiled_networks_are_those_of_plain_ones(tmp_path, monkeypatch, tiny_parameters, tiny_set):
    monkeypatch.setattr("torch._inductor.config.compile_threads", 1)
    torch._dynamo.utils.counters.clear()
    losses = []
    for on in (False, True):
        parameters = tiny_parameters({"train.compile": on, "train.epochs": 2})
        trained = train(tiny_set, parameters, torch.device("cpu"), Checkpoints(tmp_path / str(on)), Watcher())
        losses.append([row["loss"] for row in trained.curve])
        assert bool(torch._dynamo.utils.counters["stats"]["unique_graphs"]) is on
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_missing_compiler_is_told(monkeypatch, tiny_parameters):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"train\.compile=true needs a C\+\+ compiler"):
        build_learner(tiny_parameters({"train.compile": True}), 3, torch.device("cpu"))

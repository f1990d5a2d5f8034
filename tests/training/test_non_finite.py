"""Losses and weights that are not finite: training stops and says where; the checkpoint left is of before."""

import pytest
import torch

from maskcon.parameters.errors import UserError
from maskcon.training import loop
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import Watcher, train
from maskcon.training.step import training_step


@pytest.mark.fault
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_training_stops_and_says_where(tmp_path, tiny_parameters, tiny_set, monkeypatch, where):
    """The eighth step is the third of epoch 2."""
    steps = []

    def poisoned(learner, *inputs):
        loss = training_step(learner, *inputs)
        steps.append(loss)
        if len(steps) == 8 and where == "loss":
            return loss * float("nan")
        if len(steps) == 8:
            learner.trained_parameters()[-1].data.fill_(float("inf"))  # what a step along such a gradient leaves
        return loss

    monkeypatch.setattr(loop, "training_step", poisoned)
    parameters = tiny_parameters({"train.checkpoint_steps": 1})
    with pytest.raises(UserError, match=r"not finite in epoch 2, at step 3 or before, .*lower train\.learning_rate"):
        train(tiny_set, parameters, torch.device("cpu"), Checkpoints(tmp_path), Watcher())
    state = Checkpoints(tmp_path).load_latest()
    assert state["epoch_so_far"]["steps"] == 2
    assert all(value.isfinite().all() for value in state["learner"].values())

"""Losses and gradients that are not finite: training stops and says where; the checkpoint left is of before."""

import json

import pytest
import torch

from maskcon.parameters.errors import UserError
from maskcon.training import loop
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import Watcher, batches_of, train
from maskcon.training.processes import ALONE
from maskcon.training.step import training_step

CPU = torch.device("cpu")


@pytest.fixture
def poison(monkeypatch):
    """A function of step numbers (from 0) and a value: in these steps the loss, or a gradient, is that value."""

    def poison(steps, value, where):
        number = -1

        def poisoned(learner, *inputs):
            nonlocal number
            number += 1
            loss = training_step(learner, *inputs)
            if number in steps and where == "loss":
                for parameter in learner.trained_parameters():
                    parameter.data.mul_(value)  # as a step along such a gradient leaves them
                return loss * value
            if number in steps:
                learner.trained_parameters()[-1].grad.view(-1)[0] = value
            return loss

        monkeypatch.setattr(loop, "training_step", poisoned)

    return poison


@pytest.mark.parametrize(("value", "where"), [(float("nan"), "loss"), (float("inf"), "gradient")])
def test_training_stops_and_names_where(tmp_path, tiny_parameters, tiny_set, poison, value, where):
    """The eighth step is the third of epoch 2."""
    parameters = tiny_parameters({"train.checkpoint_steps": 1})
    poison({7, 8}, value, where)
    with pytest.raises(UserError) as raised:
        train(tiny_set, parameters, CPU, Checkpoints(tmp_path), Watcher())
    rate = loop.rate_of_step(7, 5, parameters.train)
    assert str(raised.value).startswith(
        f"the loss or its gradient is not finite in epoch 2, step 3, at learning rate {rate:.3g}; "
        f"the batch's images are listed in {tmp_path / 'non_finite.json'}; lower train.learning_rate"
    )
    batch = list(batches_of(tiny_set, parameters, CPU, ALONE).epoch(2))[2]
    told = json.loads((tmp_path / "non_finite.json").read_text())
    assert told == {"epoch": 2, "step": 3, "learning_rate": rate, "images": batch.places.tolist()}
    state = Checkpoints(tmp_path).load_latest()
    assert state["epoch_so_far"]["steps"] == 2
    assert all(value.isfinite().all() for value in state["learner"].values())

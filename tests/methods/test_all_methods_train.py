"""Every method in two tiny epochs: no NaN, and the same bits after an interruption."""

import math

import pytest
import torch

from maskcon.parameters.plugins import METHODS
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import train

OTHER_VALUES = [
    ("coins", {"loss.w": 1.0}),
    ("wcl", {"loss.mask_by_coarse": True, "loss.multi_crop": 1}),
]


class InterruptedInTheSecondEpoch:
    def resumed(self, curve, steps):
        raise AssertionError("there was nothing to resume from")

    def step_done(self, epoch, loss):
        if epoch == 2:
            raise KeyboardInterrupt

    def epoch_done(self, curve):
        pass

    def snapshot(self, epoch, encoder):
        pass


class Uninterrupted(InterruptedInTheSecondEpoch):
    resumed_after = None

    def resumed(self, curve, steps):
        self.resumed_after = len(curve)

    def step_done(self, epoch, loss):
        assert math.isfinite(loss.item())


@pytest.mark.parametrize(("loss", "changes"), [*((loss, {}) for loss in METHODS), *OTHER_VALUES])
def test_two_epochs_are_finite_and_resume_bit_for_bit(tmp_path, tiny_parameters, tiny_set, loss, changes):
    parameters = tiny_parameters({"train.epochs": 2, "train.warmup_epochs": 0} | changes, loss=loss)
    whole, parts = Checkpoints(tmp_path / "whole"), Checkpoints(tmp_path / "parts")
    trained = train(tiny_set, parameters, torch.device("cpu"), whole, Uninterrupted())
    with pytest.raises(KeyboardInterrupt):
        train(tiny_set, parameters, torch.device("cpu"), parts, InterruptedInTheSecondEpoch())
    second = Uninterrupted()
    train(tiny_set, parameters, torch.device("cpu"), parts, second)
    assert second.resumed_after == 1

    one, other = whole.load_latest()["learner"], parts.load_latest()["learner"]
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value.isfinite().all(), name
        assert torch.equal(value, other[name]), name
    before, after = trained.untrained.state_dict(), trained.encoder.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)

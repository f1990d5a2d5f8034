"""Kill -9 of a training within an epoch: the next one ends with the same bits. make soak kills at any moment."""

import signal

import pytest
import torch

from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import Watcher, train
from tests.training.killed_training import Nursery, same_bits

pytestmark = pytest.mark.slow

TRAININGS = {  # the kinds of state that there are
    "keys and queue": ("maskcon", {}),
    "features in the queue": ("feature_maskcon", {}),
    "mixed images": ("sane", {}),
    "extra head and a memory in the state dict": ("bucsfr", {}),
    "no keys, a memory beside the state dict": ("wcl", {"loss.multi_crop": 1}),
}
EVERY_STEPS = 2  # of 5 in an epoch: most checkpoints lie within one


@pytest.fixture(scope="module")
def nursery():
    return Nursery()


@pytest.fixture
def training(tiny_parameters):
    """Parameters of a training by its name in TRAININGS."""

    def make(name):
        method, changes = TRAININGS[name]
        return tiny_parameters({"train.checkpoint_steps": EVERY_STEPS} | changes, loss=method)

    return make


def ends(child):
    child.join(timeout=120)
    return child.exitcode


def whole(training_set, parameters, folder):
    train(training_set, parameters, torch.device("cpu"), Checkpoints(folder), Watcher())
    return folder


@pytest.mark.fault
@pytest.mark.parametrize("name", TRAININGS)
def test_killed_within_an_epoch(tmp_path, nursery, training, tiny_set, name):
    """At a step whose checkpoint is older than it."""
    parameters = training(name)
    assert ends(nursery.start(tiny_set, parameters, tmp_path / "killed", dies_at_step=8)) == -signal.SIGKILL
    assert ends(nursery.start(tiny_set, parameters, tmp_path / "killed")) == 0
    assert same_bits(whole(tiny_set, parameters, tmp_path / "whole"), tmp_path / "killed")

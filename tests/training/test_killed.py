"""Kill -9 of a training, at any step and within the writing of a checkpoint: the next one ends with the same bits."""

import random
import signal
import time

import pytest
import torch

from maskcon.parameters.model import METHODS
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import train
from tests.training.killed_training import WRITES, Death, Nursery, SilentWatcher, same_bits
from tests.training.shared_steps import EVERY_PART

pytestmark = pytest.mark.slow

WITH_MEMORY = {
    "maskcon with nearest images": ("maskcon", {"loss.multi_crop": 1}),
    "wcl with nearest images": ("wcl", {"loss.multi_crop": 1}),
}
OTHER_WAYS_OF_STEPPING = {"adaptive maskcon with every part": ("adaptive_maskcon", EVERY_PART)}
TRAININGS = {method: (method, {}) for method in METHODS} | WITH_MEMORY | OTHER_WAYS_OF_STEPPING
EVERY_STEPS = 2  # of 5 in an epoch: most checkpoints lie within one


@pytest.fixture(scope="module")
def nursery():
    return Nursery()


@pytest.fixture
def training(tiny_parameters):
    """Parameters of a training by its name in TRAININGS."""

    def make(name, **changes):
        method, more = TRAININGS[name]
        return tiny_parameters({"train.checkpoint_steps": EVERY_STEPS} | more | changes, loss=method)

    return make


def ends(child):
    child.join(timeout=120)
    return child.exitcode


def whole(training_set, parameters, folder):
    train(training_set, parameters, torch.device("cpu"), Checkpoints(folder), SilentWatcher())
    return folder


@pytest.mark.parametrize("name", TRAININGS)
def test_killed_within_an_epoch(tmp_path, nursery, training, tiny_set, name):
    """Twice: at a step whose checkpoint is older than it, and soon after it has gone on."""
    parameters = training(name)
    for step in (8, 4):
        assert ends(nursery.start(tiny_set, parameters, tmp_path / "killed", Death(at_step=step))) == -signal.SIGKILL
    assert ends(nursery.start(tiny_set, parameters, tmp_path / "killed")) == 0
    assert same_bits(whole(tiny_set, parameters, tmp_path / "whole"), tmp_path / "killed")


@pytest.mark.parametrize("moment", WRITES)
def test_killed_within_the_writing_of_a_checkpoint(tmp_path, nursery, training, tiny_set, moment):
    parameters = training("bucsfr")
    for _ in range(2):
        child = nursery.start(tiny_set, parameters, tmp_path / "killed", Death(in_write=moment))
        assert ends(child) == -signal.SIGKILL
    assert ends(nursery.start(tiny_set, parameters, tmp_path / "killed")) == 0
    assert same_bits(whole(tiny_set, parameters, tmp_path / "whole"), tmp_path / "killed")


def test_killed_by_a_timer_until_it_is_done(tmp_path, nursery, training, tiny_set):
    """With a checkpoint after every step, most of the time is spent on writing them; ``make soak`` does more of it."""
    parameters = training("maskcon with nearest images", **{"train.checkpoint_steps": 1})
    moments = random.Random(0)
    kills = 0
    for _ in range(8):
        child = nursery.start(tiny_set, parameters, tmp_path / "killed")
        time.sleep(moments.uniform(0, 0.3))
        child.kill()
        kills += ends(child) == -signal.SIGKILL
    assert kills
    assert ends(nursery.start(tiny_set, parameters, tmp_path / "killed")) == 0
    assert same_bits(whole(tiny_set, parameters, tmp_path / "whole"), tmp_path / "killed")

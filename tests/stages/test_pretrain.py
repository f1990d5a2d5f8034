"""What a checkpoint must agree with to be gone on from; that two trainings at once do not share one."""

import dataclasses

import numpy as np
import pytest
import torch

from stages.pretrain import key_of_training
from tests.tracking.finished_checkout import make_checkout, parameters_with, write_text

CPU = torch.device("cpu")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(make_checkout(tmp_path))
    return tmp_path


def test_a_change_of_parameters_data_or_code_never_finds_the_old_checkpoint(checkout, tiny_set, monkeypatch):
    keys = {"as it is": key_of_training(parameters_with(), tiny_set, CPU)}
    assert key_of_training(parameters_with(), tiny_set, CPU) == keys["as it is"]
    assert key_of_training(parameters_with(track={"live": False}), tiny_set, CPU) == keys["as it is"]
    assert key_of_training(parameters_with(evaluate={"split": "val"}), tiny_set, CPU) == keys["as it is"]

    keys["seed"] = key_of_training(parameters_with(seed=2), tiny_set, CPU)
    keys["rate"] = key_of_training(parameters_with(train={"learning_rate": 0.05}), tiny_set, CPU)
    keys["device"] = key_of_training(parameters_with(), tiny_set, torch.device("cuda"))
    pixels = tiny_set.images.copy()
    pixels[3, 2, 1, 0] ^= 1
    keys["a pixel"] = key_of_training(parameters_with(), dataclasses.replace(tiny_set, images=pixels), CPU)
    coarse = np.where(np.arange(80) == 7, (tiny_set.coarse + 1) % 3, tiny_set.coarse)
    keys["a label"] = key_of_training(parameters_with(), dataclasses.replace(tiny_set, coarse=coarse), CPU)
    write_text(checkout / "code/methods/maskcon.py", "print('another method')\n")
    keys["code"] = key_of_training(parameters_with(), tiny_set, CPU)
    monkeypatch.setattr(torch, "__version__", "0.0.0")
    keys["torch"] = key_of_training(parameters_with(), tiny_set, CPU)
    assert len(set(keys.values())) == len(keys)

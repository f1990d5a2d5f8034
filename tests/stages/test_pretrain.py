"""What a checkpoint must agree with to be gone on from, and an end that comes while the outputs are written."""

import dataclasses
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from maskcon.parameters.errors import Interrupted
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.interruption import Interruptions
from maskcon.training import run
from maskcon.training.run import key_of_training
from stages import pretrain
from stages.pretrain import main
from tests.tracking.finished_checkout import make_checkout, parameters_with

CPU = torch.device("cpu")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(make_checkout(tmp_path))
    return tmp_path


@pytest.mark.fault
def test_a_change_of_parameters_data_or_code_never_finds_the_old_checkpoint(checkout, tiny_set, monkeypatch):
    keys = {"as it is": key_of_training(parameters_with(), tiny_set, CPU)}
    assert key_of_training(parameters_with(), tiny_set, CPU) == keys["as it is"]
    assert key_of_training(parameters_with(track={"live": False}), tiny_set, CPU) == keys["as it is"]
    assert key_of_training(parameters_with(evaluate={"split": "val"}), tiny_set, CPU) == keys["as it is"]
    assert key_of_training(parameters_with(train={"processes": 4}), tiny_set, CPU) == keys["as it is"]

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


OUTPUTS = ("models/untrained.pt", "models/encoder.pt", "models/snapshots/epoch_0003.pt")


@pytest.mark.fault
@pytest.mark.parametrize("moment", ["save_encoder", "write_table", "write_json"])
def test_sigterm_while_outputs_are_written_loses_nothing(tmp_path, tiny_set, tiny_parameters, monkeypatch, moment):
    """The run after it finds the last step's checkpoint, trains no step and ends with the bytes of a whole run."""
    parameters = tiny_parameters()
    monkeypatch.setattr(pretrain, "read_training_set", lambda folder: tiny_set)
    monkeypatch.setattr(run, "key_of_training", lambda *inputs: "key")
    monkeypatch.delenv("DVC_ROOT", raising=False)

    def pretrain_in(name: str) -> dict[str, bytes]:
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / name)
        with Interruptions({}) as interruptions:
            main(parameters, interruptions)
        return {output: Path(output).read_bytes() for output in OUTPUTS}

    whole = pretrain_in("whole")
    write = getattr(run, moment)

    def asked_to_end_before_it_writes(path: Path, *content: object) -> None:
        if ".scratch" not in Path(path).parts:
            os.kill(os.getpid(), signal.SIGTERM)
        write(path, *content)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(run, moment, asked_to_end_before_it_writes)
        with pytest.raises(Interrupted, match="SIGTERM"):
            pretrain_in("ended")
    assert not Path("metrics/pretrain.json").exists()

    def no_step(*arguments: object) -> None:
        raise AssertionError("a step was trained again")

    monkeypatch.setattr("maskcon.training.loop.training_step", no_step)
    assert pretrain_in("ended") == whole
    assert Path("metrics/pretrain.json").exists()
    assert not [place for place in Path(".scratch").iterdir() if place.is_dir()]

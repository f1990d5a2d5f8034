"""The real pipeline, killed: dvc, its training, Ctrl-C. The same command goes on and ends with the same files.

In a copy of the checkout, on the small digits set with a checkpoint after every step. The tests build on one another,
in the order of the file.
"""

import hashlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.pipeline_copies import PipelineCopy, copy_checkout, environment_of_a_copy
from tests.support.running import Running, newest_step

pytestmark = pytest.mark.pipeline

REPRO = ("dvc", "repro", "pretrain")
EXPERIMENT = ("dvc", "exp", "run", "-S", "train.learning_rate=0.05", "pretrain")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The pipeline with its data packed, and nothing trained, in a folder of a name that programs stumble over."""
    copy = copy_checkout(tmp_path_factory.mktemp("100%41 für #1, 'what?'"))
    copy.configure("train/short.yaml", {"epochs": 5, "checkpoint_steps": 1})
    copy.configure("config.yaml", {"live": "false"})
    copy.commit("More to interrupt")
    copy.run("dvc", "repro", "coarse")
    return copy


@pytest.fixture(scope="module")
def uninterrupted(copy, tmp_path_factory):
    """What training writes when nobody interrupts it, made without dvc in a folder of its own."""
    folder = tmp_path_factory.mktemp("uninterrupted") / "copy"
    made = shutil.ignore_patterns(".git", ".dvc", ".scratch", "models", "plots", "metrics")
    shutil.copytree(copy.folder, folder, ignore=made)
    PipelineCopy(folder).run(sys.executable, "-m", "stages.pretrain")
    return outputs(folder)


def outputs(folder: Path) -> dict[str, object]:
    """Checksums of the encoders, and the numbers of curve and metrics but for times."""
    found: dict[str, object] = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "models").rglob("*.pt"))
    }
    found["curve"] = [row.split(",")[:3] for row in (folder / "plots/pretrain.csv").read_text().splitlines()]
    metrics = json.loads((folder / "metrics/pretrain.json").read_text())
    return found | {"metrics": {name: value for name, value in metrics.items() if name != "timing"}}


class Training(Running):
    """A command at work in ``copy``; left once training has three new checkpoints."""

    def __init__(self, copy: PipelineCopy, command: tuple[str, ...]):
        before = newest_step(copy.folder)
        super().__init__(command, copy.folder, environment_of_a_copy())
        self.wait_for_step(before + 3)
        [about] = (copy.folder / ".scratch").glob("*.json")
        self.training = psutil.Process(json.loads(about.read_text())["process"])

    def wait(self) -> str:
        """What was printed, once the command and the training have ended."""
        self.process.wait(timeout=1200)
        psutil.wait_procs([self.training], timeout=1200)
        assert not self.training.is_running()
        return self.text()


@pytest.mark.fault
def test_dvc_is_killed_and_its_training_ends_by_itself(copy):
    running = Training(copy, REPRO)
    running.process.kill()
    assert "interrupted (dvc, which started it, is gone): the same command goes on" in running.wait()


@pytest.mark.fault
@pytest.mark.slow
def test_training_is_killed(copy):
    running = Training(copy, REPRO)
    running.training.kill()
    running.wait()
    assert running.process.returncode != 0


@pytest.mark.fault
@pytest.mark.slow
def test_the_same_command_ends_as_if_nothing_had_been(copy, uninterrupted):
    assert "resumed after epoch" in copy.run(*REPRO)
    assert outputs(copy.folder) == uninterrupted
    left = [path.name for path in (copy.folder / ".scratch").iterdir() if path.name != "choosing.lock"]
    assert left == []


@pytest.mark.fault
@pytest.mark.slow
def test_ctrl_c_of_an_experiment_says_how_to_restore_the_parameters(copy):
    """Its other learning rate begins anew: the checkpoints of the others are not its own."""
    committed = (copy.folder / "params.yaml").read_text()
    running = Training(copy, EXPERIMENT)
    os.killpg(running.process.pid, signal.SIGINT)
    printed = running.wait()
    assert "resumed" not in printed
    assert "interrupted (SIGINT): the same command goes on where this one ended; params.yaml holds" in printed
    assert "git checkout params.yaml restores it" in printed
    assert (copy.folder / "params.yaml").read_text() != committed
    copy.run("git", "checkout", "-q", "params.yaml")

    assert "resumed after epoch" in copy.run(*EXPERIMENT)
    copy.run("git", "checkout", "-q", "params.yaml")


@pytest.mark.fault
@pytest.mark.slow
def test_data_damaged_behind_the_back_of_dvc_is_made_again(copy, uninterrupted):
    """dvc repro sees it and packs the set again, after which training is as it was."""
    path = copy.folder / "data/sets/digits/train/images.npy"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(AssertionError, match=r"error: .*images\.npy cannot be read .*dvc repro"):
        copy.run(sys.executable, "-m", "stages.pretrain")
    copy.run(*REPRO)
    assert outputs(copy.folder) == uninterrupted

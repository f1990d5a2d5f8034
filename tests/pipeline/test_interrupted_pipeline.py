"""The real pipeline, killed: dvc, its training, Ctrl-C. The same command goes on and ends with the same files.

In a copy of the checkout, on the small digits set with a checkpoint after every step. The tests build on one another,
in the order of the file.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile

import psutil
import pytest

from tests.support.pipeline_copies import PipelineCopy, copy_checkout, environment_of_a_copy

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


class Running:
    """A command in a process group of its own, at work in ``copy``; left once training has three new checkpoints."""

    def __init__(self, copy: PipelineCopy, command: tuple[str, ...]):
        self.scratch = copy.folder / ".scratch"
        self.printed = TemporaryFile("w+")  # noqa: SIM115  (closed when the object goes)
        before = self.newest_step()
        self.process = subprocess.Popen(
            command,
            cwd=copy.folder,
            env=environment_of_a_copy(),
            stdin=subprocess.DEVNULL,
            stdout=self.printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        end = time.monotonic() + 1200
        while self.newest_step() < before + 3:
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < end, self.text()
            time.sleep(0.02)
        [about] = self.scratch.glob("*.json")
        self.training = psutil.Process(json.loads(about.read_text())["process"])

    def newest_step(self) -> int:
        return max((int(file.stem.split("_")[1]) for file in self.scratch.glob("*/step_*.ckpt")), default=0)

    def text(self) -> str:
        self.printed.seek(0)
        return self.printed.read()

    def wait(self) -> str:
        """What was printed, once the command and the training have ended."""
        self.process.wait(timeout=1200)
        psutil.wait_procs([self.training], timeout=1200)
        assert not self.training.is_running()
        return self.text()


def test_dvc_is_killed_and_its_training_ends_by_itself(copy):
    running = Running(copy, REPRO)
    running.process.kill()
    assert "interrupted (dvc, which started it, is gone): the same command goes on" in running.wait()


@pytest.mark.slow
def test_training_is_killed(copy):
    running = Running(copy, REPRO)
    running.training.kill()
    running.wait()
    assert running.process.returncode != 0


@pytest.mark.slow
def test_the_same_command_ends_as_if_nothing_had_been(copy, uninterrupted):
    assert "resumed after epoch" in copy.run(*REPRO)
    assert outputs(copy.folder) == uninterrupted
    left = [path.name for path in (copy.folder / ".scratch").iterdir() if path.name != "choosing.lock"]
    assert left == []


@pytest.mark.slow
def test_ctrl_c_of_an_experiment_says_how_to_restore_the_parameters(copy):
    """Its other learning rate begins anew: the checkpoints of the others are not its own."""
    committed = (copy.folder / "params.yaml").read_text()
    running = Running(copy, EXPERIMENT)
    os.killpg(running.process.pid, signal.SIGINT)
    printed = running.wait()
    assert "resumed" not in printed
    assert "interrupted (SIGINT): the same command goes on where this one ended; params.yaml holds" in printed
    assert "git checkout params.yaml restores it" in printed
    assert (copy.folder / "params.yaml").read_text() != committed
    copy.run("git", "checkout", "-q", "params.yaml")

    assert "resumed after epoch" in copy.run(*EXPERIMENT)
    copy.run("git", "checkout", "-q", "params.yaml")


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

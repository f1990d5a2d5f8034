"""A disk that is full or read-only while training runs: training goes on, and nothing is lost once there is room."""

import subprocess
from pathlib import Path

import pytest
import torch

from maskcon.runtime.atomic_files import CannotWrite, write_atomically
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.keeping import Keeper
from maskcon.training.loop import Watcher, train
from tests.training.killed_training import same_bits

CPU = torch.device("cpu")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 kB, which holds three checkpoints of a tiny training and little else."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


class Filling(Watcher):
    """Fills the disk in one epoch, frees it in another, and writes snapshots to it."""

    def __init__(self, disk, full_in, free_in):
        self.disk = disk
        self.full_in = full_in
        self.free_in = free_in

    def step_done(self, epoch, loss):
        rest = self.disk / "rest"
        if epoch == self.full_in and not rest.exists():
            with open(rest, "wb", buffering=0) as file:
                while True:
                    try:
                        file.write(bytes(1024))
                    except OSError:
                        break
        if epoch == self.free_in:
            rest.unlink(missing_ok=True)

    def snapshot(self, epoch, encoder):
        content = b"".join(weight.numpy().tobytes() for weight in encoder.state_dict().values())
        write_atomically(self.disk / "snapshots" / str(epoch), lambda file: file.write(content))


@pytest.mark.fault
def test_a_full_disk_costs_checkpoints_and_no_snapshot(tmp_path, tiny_parameters, tiny_set, small_disk, capsys):
    parameters = tiny_parameters({"train.epochs": 5})
    (tmp_path / "room").mkdir()
    train(tiny_set, parameters, CPU, Checkpoints(tmp_path / "whole"), Filling(tmp_path / "room", None, None))
    assert capsys.readouterr().err == ""

    watcher = Filling(small_disk, full_in=2, free_in=4)
    train(tiny_set, parameters, CPU, Checkpoints(small_disk / "checkpoints"), watcher)
    warning, relief = capsys.readouterr().err.splitlines()
    assert "No space left on device; training goes on" in warning
    assert relief == "checkpoints are written again"
    assert same_bits(tmp_path / "whole", small_disk / "checkpoints")
    snapshots = {path.name: path.read_bytes() for path in (small_disk / "snapshots").iterdir()}
    assert snapshots == {path.name: path.read_bytes() for path in (tmp_path / "room" / "snapshots").iterdir()}
    assert sorted(snapshots) == ["1", "2", "3", "4", "5"]


@pytest.mark.fault
def test_a_disk_full_to_the_end_ends_in_a_sentence_and_the_checkpoint_before_is_gone_on_from(
    tmp_path, tiny_parameters, tiny_set, small_disk
):
    parameters = tiny_parameters({"train.epochs": 4})
    with pytest.raises(CannotWrite, match="No space left on device; free some space"):
        train(tiny_set, parameters, CPU, Checkpoints(small_disk / "checkpoints"), Filling(small_disk, 3, None))
    (small_disk / "rest").unlink()
    watcher = Filling(small_disk, None, None)
    resumed = []
    watcher.resumed = lambda curve, steps: resumed.append((len(curve), steps))
    train(tiny_set, parameters, CPU, Checkpoints(small_disk / "checkpoints"), watcher)
    assert resumed == [(2, 0)]
    assert sorted(path.name for path in (small_disk / "snapshots").iterdir()) == ["1", "2", "3", "4"]


@pytest.mark.fault
def test_no_checkpoint_is_written_before_a_snapshot_that_waits(tmp_path, tiny_parameters, tiny_set):
    """Otherwise a training that is killed then would go on without that snapshot."""

    class NoSnapshotOfTheFirst(Watcher):
        def snapshot(self, epoch, encoder):
            if epoch == 1:
                raise CannotWrite(Path("snapshot"), OSError(28, "No space left on device"))

    with pytest.raises(CannotWrite, match="snapshot"):
        train(tiny_set, tiny_parameters(), CPU, Checkpoints(tmp_path), NoSnapshotOfTheFirst())
    assert not list(tmp_path.iterdir())


def test_checkpoints_are_due_by_steps_or_by_time_since_the_last(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    by_steps = Keeper(Checkpoints(tmp_path), Watcher().snapshot, seconds=None, steps=3)
    by_time = Keeper(Checkpoints(tmp_path), Watcher().snapshot, seconds=20, steps=None)
    assert [step for step in range(1, 10) if by_steps.is_due(step)] == [3, 6, 9]
    for seconds, due in [(19, False), (1, True)]:
        now[0] += seconds
        assert by_time.is_due(3) == due
    assert not by_steps.is_due(4)

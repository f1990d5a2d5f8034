"""Experiments side by side, one that fails alone, and an end in order. The experiment is a small program here."""

import os
import sys
import time

import pytest

from maskcon.experiments.grid import engines
from maskcon.experiments.grid.engines import Experiment, LocalEngine, SlurmEngine, last_words, run_experiments
from maskcon.experiments.grid.worker import run_command
from maskcon.parameters.errors import UserError

PROGRAM = """
import os, subprocess, sys, time
told, folder = sys.argv[2], sys.argv[4]
tries = os.path.join(folder, "tries-" + told)
open(tries, "a").write("x")
if told == "locked" and len(open(tries).read()) < 3:
    sys.exit("ERROR: Unable to acquire lock.")
open(os.path.join(folder, f"began-{told}-{os.getpid()}"), "w").close()
if told == "long":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open(os.path.join(folder, "child"), "w").write(str(child.pid))
    time.sleep(60)
if told == "fails":
    sys.exit("no good")
end = time.monotonic() + 60
while told == "pair" and len([name for name in os.listdir(folder) if name.startswith("began-pair")]) < 2:
    if time.monotonic() > end:
        sys.exit("alone")
    time.sleep(0.02)
"""


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setattr(engines, "EXPERIMENT", (sys.executable, str(tmp_path / "program.py")))
    monkeypatch.setattr(LocalEngine, "look_seconds", 0.02)

    def make(told, name=None, data="set"):
        name = name or told
        return Experiment(name, (told, str(tmp_path)), data, tmp_path / "logs" / f"{name}.log")

    return make


def local(workers):
    return LocalEngine(workers, engines.Path.cwd())


def test_one_that_fails_is_told_with_its_log_and_the_others_go_on(experiment):
    asked = [experiment("fine", "first"), experiment("fails"), experiment("fine", "last")]
    ended = {one.experiment.name: one.succeeded for one in run_experiments(asked, local(2))}
    assert ended == {"first": True, "fails": False, "last": True}
    assert last_words(asked[1].log) == "no good"


def test_the_first_of_an_image_set_goes_alone_unless_the_set_is_packed(experiment, tmp_path):
    asked = [experiment("fine", str(number)) for number in range(3)]
    for place, _ in enumerate(run_experiments(asked, local(3))):
        if place == 0:
            assert len(list(tmp_path.glob("began-fine*"))) == 1
    pair = [experiment("pair", f"pair {number}") for number in range(2)]  # each ends only once the other has begun
    assert all(one.succeeded for one in run_experiments(pair, local(2), packed=["set"]))


def test_one_that_found_dvc_locked_is_started_again(experiment, tmp_path):
    assert run_command(experiment("locked").command, tmp_path / "a.log", pause=0) == 0
    assert (tmp_path / "tries-locked").read_text() == "xxx"


def test_an_interruption_ends_what_is_running_with_its_children(experiment, tmp_path, monkeypatch):
    run = run_experiments([experiment("fine"), experiment("long"), experiment("fine", "never")], local(1))
    assert next(run).experiment.name == "fine"
    original = time.sleep

    def sleep(seconds):
        original(seconds)
        if (tmp_path / "child").exists() and (tmp_path / "child").read_text():
            raise KeyboardInterrupt

    monkeypatch.setattr(engines.time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        next(run)
    monkeypatch.undo()
    pid = int((tmp_path / "child").read_text())
    end = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(pid)
    assert not (tmp_path / "logs/never.log").exists()


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_slurm_that_is_not_here_and_an_unknown_option_are_told(tmp_path, monkeypatch):
    for program in ("srun", "sbatch"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        os.chmod(tmp_path / program, 0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="no sbatch"):
        SlurmEngine({}, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="--slurm: Unknown argument 'partitio'"):
        SlurmEngine({"partitio": "main"}, tmp_path)

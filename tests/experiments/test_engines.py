"""Experiments side by side, one that fails alone, and an end in order. The experiment is a small program here."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from maskcon.experiments.grid import engines
from maskcon.experiments.grid.engines import Experiment, LocalEngine, SlurmEngine, last_words, run_experiments
from maskcon.experiments.grid.workspace import Workspaces
from maskcon.parameters.errors import UserError

PROGRAM = """
import json, os, signal, subprocess, sys, time
from maskcon.experiments.grid.trial import one_for_each_line
def run():
    asked = json.load(open("params.yaml"))
    told, folder = asked["told"], asked["folder"]
    open(os.path.join(folder, f"began-{told}-{os.getpid()}"), "w").close()
    if told == "long":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open(os.path.join(folder, "child"), "w").write(str(child.pid))
        time.sleep(60)
    if told == "fails":
        sys.exit("no good")
    if told == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if told == "all killed":
        os.killpg(0, signal.SIGKILL)
    end = time.monotonic() + 60
    while told == "pair" and len([name for name in os.listdir(folder) if name.startswith("began-pair")]) < 2:
        if time.monotonic() > end:
            sys.exit("alone")
        time.sleep(0.02)
one_for_each_line(run)
"""


class MadeUpWorkspaces:
    """Folders that hold the values of a trial and nothing else."""

    def __init__(self, folder):
        self.folder = folder / "workspaces"

    def prepared(self, name, parameters, hashes):
        (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / name / "params.yaml").write_text(json.dumps(parameters))
        return self.folder / name

    def environment(self):
        return {}

    def remove(self):
        shutil.rmtree(self.folder)


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setattr(engines, "TRIAL", (sys.executable, str(tmp_path / "program.py")))
    monkeypatch.setattr(LocalEngine, "look_seconds", 0.02)

    def make(told, name=None, shared="set"):
        name = name or told
        values = {"told": told, "folder": str(tmp_path)}
        return Experiment(name, tmp_path / "logs" / f"{name}.log", values, {"features": shared})

    return make


@pytest.fixture
def local(tmp_path):
    return lambda workers: LocalEngine(workers, MadeUpWorkspaces(tmp_path))


@pytest.mark.fault
def test_one_that_fails_is_told_with_its_log_and_the_others_go_on(experiment, local):
    asked = [experiment(told) for told in ("fine", "fails", "killed", "all killed")] + [experiment("fine", "last")]
    ended = {experiment.name: succeeded for experiment, succeeded, _ in run_experiments(asked, local(2))}
    assert ended == {"fine": True, "fails": False, "killed": False, "all killed": False, "last": True}
    assert last_words(asked[1].log) == "no good"


def test_the_first_goes_alone_where_it_makes_what_the_others_share(experiment, local, tmp_path):
    asked = [experiment("fine", str(number)) for number in range(3)]
    for place, _ in enumerate(run_experiments(asked, local(3))):
        if place == 0:
            assert len(list(tmp_path.glob("began-fine*"))) == 1
    pair = [experiment("pair", f"pair {number}") for number in range(2)]  # each ends only once the other has begun
    assert all(succeeded for _, succeeded, _ in run_experiments(pair, local(2), made=["set"]))


@pytest.mark.fault
def test_an_interruption_ends_what_is_running_with_its_children(experiment, local, tmp_path, monkeypatch):
    run = run_experiments([experiment("fine"), experiment("long"), experiment("fine", "never")], local(1))
    assert next(run)[0].name == "fine"
    original = time.sleep

    def sleep(seconds):
        original(seconds)
        if (tmp_path / "child").exists() and (tmp_path / "child").read_text():
            raise KeyboardInterrupt

    monkeypatch.setattr(engines.time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        next(run)
    monkeypatch.undo()
    pid, end = int((tmp_path / "child").read_text()), time.monotonic() + 20
    while (runs := psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie") and time.monotonic() < end:
        time.sleep(0.05)
    assert not runs
    assert not (tmp_path / "logs/never.log").exists()


@pytest.mark.fault
def test_slurm_that_is_not_here_and_an_unknown_option_are_told(tmp_path, monkeypatch):
    for program in ("srun", "sbatch"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        os.chmod(tmp_path / program, 0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="no sbatch"):
        SlurmEngine({}, tmp_path, MadeUpWorkspaces(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="--slurm: Unknown argument 'partitio'"):
        SlurmEngine({"partitio": "main"}, tmp_path, MadeUpWorkspaces(tmp_path))


def test_a_workspace_is_the_checkout_as_it_was_when_the_grid_began(tmp_path):
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c")
    checkout = tmp_path / "check out"
    checkout.mkdir()
    for command in ([*git, "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=checkout, check=True)
    (checkout / "code.py").write_text("committed")
    for command in (["add", "-A"], ["commit", "-qm", "a"]):
        subprocess.run([*git, *command], cwd=checkout, check=True)
    (checkout / "code.py").write_text("edited")
    workspaces = Workspaces(checkout, "mine")
    (checkout / "code.py").write_text("edited while the grid runs")

    workspace = workspaces.prepared("1", {"seed": 1}, {"inputs": "a"})
    assert (workspace / "code.py").read_text() == "edited"
    (workspace / "models").mkdir()  # of the trial before, such as the features that the next one shares
    again = workspaces.prepared("1", {"seed": 2}, {"inputs": "b"})
    assert (again, (again / "models").is_dir()) == (workspace, True)
    assert json.loads((workspace / "params.yaml").read_text()) == {"seed": 2}
    asked = subprocess.run([sys.executable, "-m", "dvc", "cache", "dir"], cwd=workspace, capture_output=True, text=True)
    assert asked.stdout.strip() == str(checkout / ".dvc/cache/files/md5")
    environment = {**workspaces.environment(), "PYTHONPATH": ""}
    which = subprocess.run(["sh", "-c", "command -v python"], env=environment, capture_output=True, text=True)
    assert which.stdout.strip() == str(Path(sys.executable).parent / "python")  # as the commands in dvc.yaml find it
    workspaces.remove()
    assert (checkout / "code.py").read_text() == "edited while the grid runs"
    assert not workspace.exists()

"""Workers: side by side, one that fails alone, and an end in order. The experiment is a small program here."""

import os
import sys
import time

import pytest

from maskcon.experiments.grid import workers
from maskcon.experiments.grid.workers import Experiment, last_words, run_experiments

# As an experiment looks from outside: it takes the lock, says that a stage runs, does as told, and ends.
PROGRAM = """
import os, subprocess, sys, time
told, folder = sys.argv[2], sys.argv[4]
tries = os.path.join(folder, "tries-" + told.replace("/", "-"))
open(tries, "a").write("x")
if told == "locked" and len(open(tries).read()) < 3:
    sys.exit("ERROR: Unable to acquire lock.")
print("Running stage 'pretrain':", flush=True)
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
    monkeypatch.setattr(workers, "EXPERIMENT", (sys.executable, str(tmp_path / "program.py")))
    monkeypatch.setattr(workers, "LOOK_SECONDS", 0.02)

    def make(told, name=None, data="set"):
        name = name or told
        return Experiment(name, (told, str(tmp_path)), data, tmp_path / "logs" / f"{name}.log")

    return make


def test_one_that_fails_is_told_with_its_log_and_the_others_go_on(experiment, tmp_path):
    asked = [experiment("fine", "first"), experiment("fails"), experiment("fine", "last")]
    ended = {one.experiment.name: one.succeeded for one in run_experiments(asked, 2, tmp_path)}
    assert ended == {"first": True, "fails": False, "last": True}
    assert last_words(asked[1].log) == "Running stage 'pretrain': / no good"


def test_the_first_of_an_image_set_goes_alone(experiment, tmp_path):
    flying = []
    asked = [experiment("fine", str(number)) for number in range(4)]
    for _ in run_experiments(asked, 3, tmp_path):
        flying.append(len(list(tmp_path.glob("began-*"))))
    assert flying[0] == 1
    assert flying[-1] == 4


def test_sets_that_are_packed_need_no_first(experiment, tmp_path):
    """Each of the two ends only once the other has begun."""
    asked = [experiment("pair", str(number)) for number in range(2)]
    assert all(one.succeeded for one in run_experiments(asked, 2, tmp_path, packed=["set"]))


def test_one_that_found_the_lock_taken_is_started_again(experiment, tmp_path):
    [ended] = run_experiments([experiment("locked")], 1, tmp_path)
    assert ended.succeeded
    assert (tmp_path / "tries-locked").read_text() == "xxx"


def test_an_interruption_ends_what_is_in_flight_with_its_children(experiment, tmp_path):
    run = run_experiments([experiment("fine"), experiment("long"), experiment("fine", "never")], 1, tmp_path)
    assert next(run).experiment.name == "fine"
    with pytest.raises(KeyboardInterrupt):
        _interrupt_once_there(run, tmp_path / "child")
    pid = int((tmp_path / "child").read_text())
    end = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(pid)
    assert not (tmp_path / "logs/never.log").exists()


def _interrupt_once_there(run, file):
    """As Ctrl-C does: KeyboardInterrupt inside of the loop of the workers, once the file has its text."""
    original = time.sleep

    def sleep(seconds):
        original(seconds)
        if file.exists() and file.read_text():
            raise KeyboardInterrupt

    workers.time.sleep = sleep
    try:
        next(run)
    finally:
        workers.time.sleep = original


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"

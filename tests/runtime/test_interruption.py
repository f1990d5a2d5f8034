"""SIGTERM, Ctrl-C, and a dvc that was killed: how a stage ends, and what it says."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from maskcon.parameters.errors import Interrupted
from maskcon.runtime.interruption import Interruptions
from maskcon.runtime.start import interrupted_line

REPOSITORY = Path(__file__).resolve().parents[2]
STAGE = """\
import time
from pathlib import Path
from maskcon.runtime.entry import run_stage
from maskcon.runtime.interruption import Interruptions

interruptions = Interruptions()

def stage(parameters):
    {work}

run_stage(stage, interruptions)
"""
SLEEPS = """
    print("working", flush=True)
    time.sleep(120)"""
POSTPONES = """
    with interruptions.postponed():
        print("working", flush=True)
        while interruptions.pending is None:
            time.sleep(0.05)
        Path("kept").write_text("a checkpoint")"""


def start(folder: Path, work: str, command: str = "exec {python} stage.py", **environment: str) -> subprocess.Popen:
    """A shell that runs the stage in ``folder``, in a process group of its own; returns once it works."""
    (folder / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    (folder / "dvc.yaml").write_text("stages: {}\n")
    (folder / "stage.py").write_text(STAGE.format(work=textwrap.dedent(work).strip().replace("\n", "\n    ")))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    process = subprocess.Popen(
        ["bash", "-c", command.format(python=sys.executable)],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(REPOSITORY), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "working\n", process.stderr.read()
    return process


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "work"),
    [(signal.SIGTERM, 143, POSTPONES), (signal.SIGINT, 130, SLEEPS), (signal.SIGINT, 130, "loads")],
)
def test_a_stage_ends_with_one_line_and_the_usual_exit_code(tmp_path, number, code, work):
    """Also while it loads its libraries: psutil, which never ends loading, stands for them all."""
    if work == "loads":
        (tmp_path / "psutil.py").write_text("import time\nprint('working', flush=True)\ntime.sleep(120)\n")
        path = f"{tmp_path}{os.pathsep}{REPOSITORY}"
        process = start(tmp_path, "pass", "exec {python} -m stages.pretrain", PYTHONPATH=path)
    else:
        process = start(tmp_path, work)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code
    assert errors == f"interrupted ({number.name}): the same command goes on where this one ended\n"
    assert (tmp_path / "kept").exists() == (work == POSTPONES)


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.parametrize("shell", ["exec {python} stage.py", "{python} stage.py; true"], ids=["no shell", "a shell"])
def test_a_stage_whose_dvc_is_killed_ends_by_itself_and_keeps_its_state(tmp_path, shell):
    """dvc.py stands for dvc, which runs the stage through a shell that replaces itself by the stage, or does not."""
    stage = shell.format(python=sys.executable)
    (tmp_path / "dvc.py").write_text(f"import subprocess\nsubprocess.run(['bash', '-c', {stage!r}])\n")
    process = start(tmp_path, POSTPONES, "exec {python} dvc.py", DVC_STAGE="pretrain")
    process.kill()
    _, errors = process.communicate(timeout=120)  # returns once the stage, which holds the pipe, has ended too
    assert errors == "interrupted (dvc, which started it, is gone): the same command goes on where this one ended\n"
    assert (tmp_path / "kept").exists()


@pytest.mark.fault
@pytest.mark.slow
def test_a_stage_started_by_hand_outlives_who_started_it(tmp_path):
    work = """
    print("working", flush=True)
    time.sleep(2)
    Path("kept").write_text("to the end")"""
    process = start(tmp_path, work, "{python} stage.py; true")
    process.kill()  # the shell
    process.communicate(timeout=120)
    assert (tmp_path / "kept").read_text() == "to the end"


def asked_to_end_while_postponed(*numbers):
    """Sends the signals to this process within a postponed block; returns which were sent."""
    sent = []
    with Interruptions({}) as interruptions:
        try:
            with interruptions.postponed():
                for number in numbers:
                    sent.append(number)
                    os.kill(os.getpid(), number)
        except Interrupted as interrupted:
            return sent, interrupted.exit_code


@pytest.mark.fault
def test_the_first_waits_for_the_end_and_the_second_does_not():
    assert asked_to_end_while_postponed(signal.SIGTERM) == ([signal.SIGTERM], 143)
    sent, exit_code = asked_to_end_while_postponed(signal.SIGTERM, signal.SIGINT, signal.SIGTERM)
    assert (sent, exit_code) == ([signal.SIGTERM, signal.SIGINT], 130)


@pytest.mark.fault
def test_handlers_are_put_back_and_ignored_signals_stay_ignored():
    before = signal.getsignal(signal.SIGTERM)
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruptions({}):
            os.kill(os.getpid(), signal.SIGINT)
            assert signal.getsignal(signal.SIGTERM) is not before
    finally:
        signal.signal(signal.SIGINT, ignored)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.fault
def test_an_experiment_in_the_workspace_says_how_to_restore_the_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here, elsewhere = {"DVC_ROOT": str(tmp_path)}, {"DVC_ROOT": str(tmp_path.parent)}
    name = {"DVC_EXP_NAME": "tonal-yard"}
    assert "git checkout params.yaml" in interrupted_line("SIGINT", name | here)
    for environment in ({}, here, name | elsewhere):  # elsewhere: a temporary experiment, which leaves it alone
        assert "params.yaml" not in interrupted_line("SIGINT", environment)

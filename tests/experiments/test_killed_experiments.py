"""What a killed dvc exp run leaves is listed by maskcon clean, and put right by maskcon clean --yes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from maskcon.__main__ import main as maskcon
from maskcon.experiments.killed import _holds
from maskcon.parameters.errors import UserError
from tests.support.pipeline_copies import PipelineCopy, environment_of_a_copy

LEFT = ("exps/tmp1234", "exps/standalone/tmp5678", "grids/killed")
EDITED = "of the committed text, this was edited\n"


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def note(tmp_path, monkeypatch):
    """A file of a repository of two commits, edited since."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    git("init", "--quiet", "--initial-branch", "main")
    git("config", "user.name", "Test")
    git("config", "user.email", "test@example.com")
    note = folder / "note.txt"
    for text in ("first", "second"):
        note.write_text(text)
        (folder / ".gitignore").write_text("/.dvc/tmp\n")
        git("add", "--all")
        git("commit", "--quiet", "--message", text)
    note.write_text(EDITED)
    return note


def detach_as_dvc_does() -> None:
    git("checkout", "--quiet", git("rev-parse", "HEAD"))


def hold_lock(folder: Path) -> Path:
    lock = folder / ".dvc/tmp/exps/rwlock"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"read": {}, "write": {"workspace": {"pid": 1, "cmd": "dvc exp run"}}}))
    return lock


def cleaned(capsys, *words: str) -> str:
    maskcon(["clean", *words])
    return capsys.readouterr().out


@pytest.mark.fault
def test_killed_while_the_experiment_is_prepared(note, capsys):
    hold_lock(note.parent)
    git("stash")
    detach_as_dvc_does()
    git("update-ref", "refs/exps/stash", "stash@{0}")
    lock = note.parent / ".git/index.lock"
    lock.touch()

    listed = cleaned(capsys)
    for part in (str(lock), "branch main", "set aside in git's stash: note.txt", "an experiment never began"):
        assert part in listed
    assert note.read_text() == "second"
    cleaned(capsys, "--yes")
    assert (note.read_text(), git("symbolic-ref", "HEAD")) == (EDITED, "refs/heads/main")
    assert git("for-each-ref", "refs/exps", "refs/stash") == ""
    assert cleaned(capsys) == "nothing is left of interrupted runs\n"


@pytest.mark.fault
def test_an_edit_comes_back_although_values_of_the_experiment_lie_in_its_way(note, capsys):
    hold_lock(note.parent)
    git("stash")
    note.write_text("the experiment's")
    cleaned(capsys, "--yes")
    assert note.read_text() == EDITED
    assert git("show", "stash@{0}:note.txt") == "the experiment's"


@pytest.mark.fault
def test_where_git_cannot_tell_no_edit_counts_as_brought_back(note):
    with pytest.raises(UserError, match="git diff ended with"):
        _holds(note.parent, "0" * 40, ".")


@pytest.mark.fault
@pytest.mark.parametrize("arrived", [True, False])
def test_killed_while_the_experiment_runs(note, capsys, arrived):
    """Before its last commit or after it; edits that DVC had not yet brought back are kept in git's stash."""
    git("update-ref", "refs/exps/exec/EXEC_MERGE", git("stash", "create"))
    if not arrived:
        git("checkout", "note.txt")
    git("update-ref", "refs/exps/01/234/made", "HEAD~1")
    git("symbolic-ref", "refs/exps/exec/EXEC_BRANCH", "refs/exps/01/234/made")
    detach_as_dvc_does()
    if arrived:
        git("commit", "--quiet", "--all", "--message", "dvc: commit experiment 0123")

    assert "HEAD was detached from branch main" in cleaned(capsys)
    cleaned(capsys, "--yes")
    assert git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert git("log", "-1", "--format=%s") == "second"
    kept = note.read_text() if arrived else git("show", "stash@{0}:note.txt") + "\n"
    assert kept == EDITED
    assert git("for-each-ref", "--format=%(refname)", "refs/exps") == "refs/exps/01/234/made"


@pytest.mark.fault
def test_a_changed_dvc_lock_is_an_edit_too(note, capsys):
    lock = Path("dvc.lock")
    lock.write_text("of the one before\n")
    git("add", "dvc.lock")
    git("commit", "--quiet", "--all", "--message", "lock")
    lock.write_text("of the last dvc repro\n")
    git("update-ref", "refs/exps/exec/EXEC_MERGE", git("stash", "create"))
    hold_lock(note.parent)
    git("stash")
    cleaned(capsys, "--yes")
    assert lock.read_text() == "of the last dvc repro\n"
    assert git("stash", "list") == ""

    git("update-ref", "refs/exps/exec/EXEC_MERGE", git("stash", "create"))
    git("checkout", "dvc.lock")
    cleaned(capsys, "--yes")
    assert git("show", "stash@{0}:dvc.lock") == "of the last dvc repro"


@pytest.mark.fault
@pytest.mark.parametrize("seconds", [-100, 100])
def test_what_a_person_has_put_aside_or_checked_out_is_left_alone(note, capsys, seconds):
    """Before the experiment that was killed, or after it."""
    git("stash")
    lock = hold_lock(note.parent)
    os.utime(lock, (time.time() - seconds, time.time() - seconds))
    git("checkout", "--quiet", git("rev-parse", "HEAD~1"))
    assert cleaned(capsys, "--yes") == "nothing is left of interrupted runs\n"


@pytest.mark.fault
def test_folders_of_experiments_and_half_written_files(note, capsys):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    old, working = (note.with_name(f".report.pdf.{process}.part") for process in (ended.pid, os.getpid()))
    download = note.with_name(".cifar.tar.gz.eb9058c3.part")  # from which it goes on
    for file in (old, working, download):
        file.touch()
    *folders, running = (note.parent / ".dvc/tmp" / name for name in (*LEFT, "grids/running"))
    for folder in (*folders, running, note.parent / "grids/logs"):
        folder.mkdir(parents=True)

    with FileLock("grids/logs/running.lock"):
        listed = cleaned(capsys)
        assert all(str(path) in listed for path in (old, *folders))
        cleaned(capsys, "--yes")
    assert not any(path.exists() for path in (old, *folders))
    assert running.exists()
    assert working.exists()
    assert download.exists()


@pytest.mark.fault
@pytest.mark.parametrize("worktree", [".", "../other"])
def test_nothing_is_touched_while_dvc_runs(note, capsys, worktree):
    """There or in another worktree: they share git's stash and the refs of experiments."""
    git("worktree", "add", "--quiet", "../other")
    detach_as_dvc_does()
    (note.parent / worktree / "dvc").write_text("input()")
    with subprocess.Popen([sys.executable, "dvc"], stdin=subprocess.PIPE, cwd=worktree) as dvc:
        said = cleaned(capsys, "--yes")
        dvc.communicate(b"\n")
    assert f"process {dvc.pid}" in said
    assert "HEAD was detached" in cleaned(capsys)


PIPELINE = """\
stages:
  train:
    cmd: touch started && sleep 60 && cp params.yaml trained
    params: [seed]
    outs: [trained]
"""


@pytest.mark.fault
@pytest.mark.slow
def test_an_experiment_is_really_killed(note, capsys):
    copy = PipelineCopy(note.parent)
    copy.run("dvc", "init", "--quiet")
    Path("dvc.yaml").write_text(PIPELINE)
    Path("params.yaml").write_text("seed: 1\n")
    Path(".git/info/exclude").write_text("/started\n")
    copy.commit("pipeline")
    note.write_text(EDITED * 2)
    command = ["dvc", "exp", "run", "-S", "seed=2"]
    running = subprocess.Popen(command, env=environment_of_a_copy(), start_new_session=True)
    while not Path("started").exists():
        assert running.poll() is None
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()

    listed = cleaned(capsys, "--yes")
    assert "HEAD was detached from branch main" in listed
    assert "its changes stay in note.txt, params.yaml" in listed
    assert git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert note.read_text() == EDITED * 2
    git("checkout", "--quiet", "params.yaml")
    Path("dvc.yaml").write_text(PIPELINE.replace("sleep 60", "true"))
    assert "Ran experiment(s)" in copy.run(*command)
    assert note.read_text() == EDITED * 2

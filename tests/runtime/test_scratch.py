"""Scratch folders, and maskcon clean, which removes those that were left."""

import os

import pytest
from filelock import Timeout

from maskcon.__main__ import main as maskcon
from maskcon.runtime.atomic_files import CannotWrite
from maskcon.runtime.scratch import discard, leftovers, remove, scratch_folder


def test_same_training_finds_its_folder_again(tmp_path):
    with scratch_folder(tmp_path / "scratch", "a", "training") as folder:
        (folder / "state").write_text("epoch 3")
        (folder / ".step_000000002.ckpt.123.part").write_bytes(b"half")
    with scratch_folder(tmp_path / "scratch", "a", "training") as again:
        assert [(path.name, path.read_text()) for path in again.iterdir()] == [("state", "epoch 3")]
        discard(again)
    assert {path.name for path in (tmp_path / "scratch").iterdir()} <= {"choosing.lock"}
    with scratch_folder(tmp_path / "scratch", "b", "training") as other:
        assert not list(other.iterdir())


@pytest.mark.fault
def test_same_training_twice_at_once_has_two_folders(tmp_path, capsys):
    with scratch_folder(tmp_path, "a", "training a") as first:
        with scratch_folder(tmp_path, "a", "training a", wait=0.3) as second:
            assert first != second
        assert capsys.readouterr().out == (
            f"training a is running already, as process {os.getpid()}; this one has no part in it\n"
        )
    with scratch_folder(tmp_path, "a", "training a") as again:
        assert again == first


@pytest.mark.fault
@pytest.mark.parametrize("error", [KeyboardInterrupt, Timeout("the lock of something else")])
def test_what_goes_wrong_inside_comes_out_as_it_is(tmp_path, error):
    with pytest.raises(type(error) if isinstance(error, Exception) else error), scratch_folder(tmp_path, "a", "a"):
        raise error
    with scratch_folder(tmp_path, "a", "a") as again:
        assert again.name == "a-1"  # the lock was let go


@pytest.mark.fault
def test_a_removal_that_was_killed_is_not_gone_on_from(tmp_path, monkeypatch):
    """The half of it has another name, is listed as left, and is no hindrance to the next."""
    with scratch_folder(tmp_path, "a", "training a") as folder:
        (folder / "snapshot").write_text("epoch 3")
        monkeypatch.setattr("shutil.rmtree", lambda path, **options: None)
        discard(folder)
        monkeypatch.undo()
    assert [one.folder.name for one in leftovers(tmp_path)] == ["a-1.done"]
    with scratch_folder(tmp_path, "a", "training a") as folder:
        assert not list(folder.iterdir())
        discard(folder)
    assert leftovers(tmp_path) == []


@pytest.mark.fault
def test_a_root_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match=r"cannot write .*file"), scratch_folder(tmp_path / "file", "a", "a"):
        pass


@pytest.fixture
def left(tmp_path, monkeypatch):
    """A checkout with one folder that was left, of 3 MB and untouched for two hours; returns its .scratch."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    with scratch_folder(tmp_path / ".scratch", "a", "training maskcon seed 1") as folder:
        (folder / "step_000000002.ckpt").write_bytes(bytes(3_000_000))
    for path in (folder / "step_000000002.ckpt", folder):
        os.utime(path, (0, path.stat().st_mtime - 2 * 3600))
    return tmp_path / ".scratch"


@pytest.mark.fault
def test_clean_lists_what_is_left_with_run_size_and_age(left, capsys):
    maskcon(["clean"])
    [_, _, line, advice] = capsys.readouterr().out.splitlines()
    for part in ("training maskcon seed 1", "3.0 MB", "2.0 hours ago", "left", "a-1"):
        assert part in line
    assert advice.endswith("maskcon clean --yes")
    assert len(leftovers(left)) == 1


@pytest.mark.fault
def test_clean_removes_what_is_left_and_never_what_is_in_use(left, capsys):
    with scratch_folder(left, "b", "training grafit seed 1") as used:
        maskcon(["clean", "--yes"])
        printed = capsys.readouterr().out
        assert f"in use by process {os.getpid()}" in printed
        assert "removed 1 of 1, 3.0 MB" in printed
        [remaining] = leftovers(left)
        assert remaining.folder == used
        assert not remove(remaining)
        assert used.exists()
    assert sorted(path.name for path in left.iterdir() if path.name[0] == "a") == []

import errno
import json
import os
import stat

import pytest

from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import (
    CannotWrite,
    remove_unfinished,
    require_place,
    write_atomically,
    write_json,
    write_table,
    write_text,
)


@pytest.mark.fault
def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    """In this order a power cut leaves the old file or the new one."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def recording_fsync(descriptor):
        calls.append("flush folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "flush file")
        fsync(descriptor)

    def recording_replace(old, new):
        calls.append("name")
        replace(old, new)

    monkeypatch.setattr("os.fsync", recording_fsync)
    monkeypatch.setattr("os.replace", recording_replace)
    for content in (b"one", b"two"):
        write_atomically(tmp_path / "a" / "file.bin", lambda file, content=content: file.write(content))
    assert calls == ["flush file", "name", "flush folder"] * 2
    assert [path.read_bytes() for path in (tmp_path / "a").iterdir()] == [b"two"]


@pytest.mark.fault
def test_what_killed_processes_were_writing_is_removed_and_nothing_else(tmp_path):
    for name in (".encoder.pt.123.part", "encoder.pt", ".gitignore", "part"):
        (tmp_path / name).write_text("")
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "encoder.pt", "part"]


@pytest.mark.fault
def test_a_place_is_told_before_work_and_nothing_is_made(tmp_path, monkeypatch):
    require_place(tmp_path / "new" / "folder" / "page.html")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    require_place(tmp_path / "file")  # to be replaced
    with pytest.raises(CannotWrite, match="Is a directory; name a file, not a folder"):
        require_place(tmp_path)
    with pytest.raises(
        CannotWrite, match=r"file.below.page\.html: Not a directory; a file is where a folder should be"
    ):
        require_place(tmp_path / "file" / "below" / "page.html")
    with pytest.raises(UserError, match=r"cannot write .*: Is a directory; name a file, not a folder$"):
        write_text(tmp_path, "x")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # tests may run as root, who may do all
    with pytest.raises(CannotWrite, match="Permission denied; free some space or make the folder writable"):
        require_place(tmp_path / "new" / "page.html")


def full_disk(file):
    file.write(b"half of it")
    raise OSError(errno.ENOSPC, "No space left on device")


def fault(file):
    file.write(b"half of it")
    raise KeyboardInterrupt


@pytest.mark.fault
@pytest.mark.parametrize(("write", "error"), [(full_disk, UserError), (fault, KeyboardInterrupt)])
@pytest.mark.parametrize("old", [None, b"old"])
def test_failing_write_leaves_what_was_there(tmp_path, write, error, old):
    path = tmp_path / "file.bin"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(error) as raised:
        write_atomically(path, write)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([] if old is None else [old])
    if error is UserError:
        assert str(path) in str(raised.value)
        assert "No space left" in str(raised.value)


@pytest.mark.fault
def test_json_keeps_order_and_refuses_what_is_not_json(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": [1.5, None, "ć"]})
    assert json.loads(path.read_text()) == {"b": 1, "a": [1.5, None, "ć"]}
    assert path.read_text().index('"b"') < path.read_text().index('"a"')
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"loss": float("nan")})
    assert "loss" not in path.read_text()


def test_table(tmp_path):
    path = tmp_path / "a.csv"
    write_table(path, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 1e-07}])
    assert path.read_bytes() == b"epoch,loss\n1,0.5\n2,1e-07\n"
    write_table(path, iter([]), ["epoch", "loss"])
    assert path.read_bytes() == b"epoch,loss\n"


@pytest.mark.fault
def test_a_link_in_the_place_of_the_unfinished_file_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("of somebody else")
    (tmp_path / f".result.{os.getpid()}.part").symlink_to(elsewhere)
    write_text(tmp_path / "result", "ours")
    assert elsewhere.read_text() == "of somebody else"
    assert (tmp_path / "result").read_text() == "ours"
    assert not (tmp_path / "result").is_symlink()

"""Archives, whole and hostile, made here member by member."""

import os
import stat
import tarfile
from pathlib import Path

import pytest

from maskcon.images.fetching.unpacking import unpack
from maskcon.parameters.errors import UserError
from tests.images.small_archives import write_files, write_tar, write_zip

FILES = {"set/a/1.jpg": b"one", "set/a/2.JPG": b"", "set/b/3.jpg": os.urandom(5000), "set/labels.txt": b"1 2 3"}


def archive_of(folder: Path, kind: str, files: dict[str, bytes] = FILES) -> Path:
    path = folder / f"set.{kind}"
    (write_zip if kind == "zip" else write_tar)(path, files)
    return path


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive: Path, said: str) -> None:
    """In one sentence that names the archive, with nothing left, or written elsewhere."""
    before = set(archive.parent.rglob("*"))
    with pytest.raises(UserError, match=said) as error:
        unpack(archive, archive.parent / "sets" / "out")
    assert str(archive) in str(error.value)
    assert set(archive.parent.rglob("*")) - before <= {archive.parent / "sets"}


@pytest.mark.parametrize("kind", ["tar.gz", "zip", "folder"])
def test_all_of_it_and_once(tmp_path, kind):
    archive = tmp_path / "folder" if kind == "folder" else archive_of(tmp_path, kind)
    write_files(tmp_path / "folder", FILES)
    (tmp_path / "deep" / ".out.part").mkdir(parents=True)
    (tmp_path / "deep" / ".out.part" / "half").write_bytes(b"")  # of a run that was killed
    target = tmp_path / "deep" / "out"
    assert unpack(archive, target) == target
    assert files_below(target) == FILES
    assert list(target.parent.iterdir()) == [target]
    (target / "set/labels.txt").write_bytes(b"mine")
    assert unpack(archive, target) == target  # a folder that is there is taken as it is
    assert (target / "set/labels.txt").read_bytes() == b"mine"


@pytest.mark.fault
def test_permissions_and_owners_are_not_taken_over(tmp_path):
    with tarfile.open(tmp_path / "set.tar", "w") as opened:
        header = tarfile.TarInfo("run")
        header.mode, header.uid = 0o6777, 12345
        opened.addfile(header)
    path = unpack(tmp_path / "set.tar", tmp_path / "out") / "run"
    assert stat.S_IMODE(path.stat().st_mode) & 0o6022 == 0
    assert path.stat().st_uid == os.getuid()


@pytest.mark.fault
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_that_lead_elsewhere_and_devices(tmp_path, kind):
    header = tarfile.TarInfo("set/other.jpg")
    header.type, header.linkname = kind, "/etc/hostname"
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as opened:
        opened.addfile(header)
    refused(tmp_path / "set.tar.gz", "unsafe .*set/other.jpg")


@pytest.mark.fault
@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_cut_off_altered_and_leading_elsewhere(tmp_path, kind):
    refused(archive_of(tmp_path, kind, {"set/1.jpg": b"1", "set/../../out.txt": b"out"}), "unsafe .*out.txt")
    archive = archive_of(tmp_path, kind)
    whole = archive.read_bytes()
    for length in range(0, len(whole), 400):
        archive.write_bytes(whole[:length])
        refused(archive, "damaged")
    content = bytearray(whole)
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    refused(archive, "damaged")


@pytest.mark.fault
def test_encrypted_not_an_archive_and_missing(tmp_path):
    archive = archive_of(tmp_path, "zip", {"a.jpg": b"a"})
    content = bytearray(archive.read_bytes())
    for start, flags_at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.rindex(start) + flags_at] |= 1
    archive.write_bytes(content)
    refused(archive, "encrypted")
    archive.write_bytes(b"<html></html>")
    refused(archive, "damaged")
    archive.unlink()
    refused(archive, "No such file")

"""Archives, whole and hostile, made here member by member."""

import gc
import gzip
import io
import os
import random
import stat
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from maskcon.images.fetching.unpacking import members, unpack
from maskcon.parameters.errors import UserError

FILES = {"set/a/1.jpg": b"one", "set/a/2.JPG": b"", "set/b/3.jpg": b"three" * 1000, "set/labels.txt": b"1 2 3"}
KINDS = ["tar", "tar.gz", "zip"]


def archive_of(path: Path, files: dict[str, bytes] | list[tuple[str, bytes]]) -> Path:
    """An archive of the kind that the path's ending names, with a folder in front."""
    pairs = files.items() if isinstance(files, dict) else files
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            opened.mkdir("set")
            for name, content in pairs:
                opened.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as opened:
            opened.addfile(tar_header("set", type=tarfile.DIRTYPE))
            for name, content in pairs:
                opened.addfile(tar_header(name, size=len(content)), io.BytesIO(content))
    return path


def tar_header(name: str, **attributes) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(header, attribute, value)
    return header


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive: Path, *named: str, most_bytes: int = 100_000, most_members: int = 10) -> None:
    """Both ways to read the archive end in a message that names it, and nothing is left or written elsewhere."""
    before = set(archive.parent.rglob("*"))
    with pytest.raises(UserError) as error:
        unpack(archive, archive.parent / "sets" / "out", most_bytes=most_bytes, most_members=most_members)
    for part in (str(archive), *named):
        assert part in str(error.value)
    assert set(archive.parent.rglob("*")) - before <= {archive.parent / "sets"}
    with pytest.raises(UserError, match=archive.name):
        list(members(archive, ("",), most_bytes_each=most_bytes // 2))


@pytest.mark.parametrize("kind", KINDS)
def test_members_in_order(tmp_path, kind):
    archive = archive_of(tmp_path / f"set.{kind}", FILES)
    assert list(members(archive, (".jpg",))) == [item for item in FILES.items() if item[0].lower().endswith("jpg")]
    assert dict(members(archive, (".txt", ".mat"))) == {"set/labels.txt": b"1 2 3"}
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize("kind", KINDS)
def test_unpack_is_whole(tmp_path, kind):
    archive = archive_of(tmp_path / f"set.{kind}", FILES)
    total = sum(map(len, FILES.values()))
    target = tmp_path / "deep" / "out"
    assert unpack(archive, target, most_bytes=total, most_members=len(FILES) + 1) == target
    assert files_below(target) == FILES
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("kind", KINDS)
def test_unpacked_folder_is_taken_as_it_is(tmp_path, kind):
    archive = archive_of(tmp_path / f"set.{kind}", FILES)
    target = unpack(archive, tmp_path / "out", most_bytes=10**6, most_members=10)
    (target / "set/labels.txt").write_bytes(b"mine")
    archive.unlink()
    unpack(archive, target, most_bytes=10**6, most_members=10)
    assert (target / "set/labels.txt").read_bytes() == b"mine"


def test_what_a_killed_run_left_is_removed(tmp_path):
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "half").write_bytes(b"")
    target = unpack(archive_of(tmp_path / "set.tar", FILES), tmp_path / "out", most_bytes=10**6, most_members=10)
    assert files_below(target) == FILES


@pytest.mark.parametrize("kind", KINDS)
def test_dots_in_front_and_second_files_of_a_mac(tmp_path, kind):
    files = {"./set/1.jpg": b"1", "./set/._1.jpg": b"mac", "__MACOSX/set/1.jpg": b"mac"}
    archive = archive_of(tmp_path / f"set.{kind}", files)
    assert list(members(archive, (".jpg",))) == [("set/1.jpg", b"1")]
    target = unpack(archive, tmp_path / "out", most_bytes=1, most_members=3)
    assert files_below(target) == {"set/1.jpg": b"1"}


def test_permissions_of_the_archive_are_not_taken_over(tmp_path):
    archive = tmp_path / "set.tar"
    with tarfile.open(archive, "w") as opened:
        opened.addfile(tar_header("run", mode=0o6777, size=0, uid=12345))
    path = unpack(archive, tmp_path / "out", most_bytes=1, most_members=1) / "run"
    assert stat.S_IMODE(path.stat().st_mode) & 0o6111 == 0
    assert path.stat().st_uid == os.getuid()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["../out.txt", "set/../../out.txt", "/tmp/out.txt", "..\\out.txt", "C:\\out.txt", "C:out.txt", "\\out"]
)
def test_paths_that_lead_elsewhere(tmp_path, kind, name):
    archive = archive_of(tmp_path / f"set.{kind}", {"set/1.jpg": b"1", name: b"out"})
    refused(archive, repr(name))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"V", b"Z"]
)
def test_links_and_devices_in_tar(tmp_path, kind):
    archive = tmp_path / "set.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        opened.addfile(tar_header("set/1.jpg", size=1), io.BytesIO(b"1"))
        opened.addfile(tar_header("set/other.jpg", type=kind, linkname="set/1.jpg", devmajor=1, devminor=3))
    refused(archive, "'set/other.jpg'", "a link")


def test_file_through_a_link_goes_nowhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    archive = tmp_path / "set.tar"
    with tarfile.open(archive, "w") as opened:
        opened.addfile(tar_header("way", type=tarfile.SYMTYPE, linkname=str(tmp_path / "elsewhere")))
        opened.addfile(tar_header("way/out.txt", size=3), io.BytesIO(b"out"))
    refused(archive, "'way'")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_zip(tmp_path, kind):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        info = zipfile.ZipInfo("set/link.jpg")
        info.external_attr = (kind | 0o777) << 16
        opened.writestr(info, "/etc/hostname")
    refused(archive, "'set/link.jpg'", "a link")


def test_encrypted_member(tmp_path):
    archive = archive_of(tmp_path / "set.zip", {"a.jpg": b"a"})
    content = bytearray(archive.read_bytes())
    for start, flags_at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.rindex(start) + flags_at] |= 1
    archive.write_bytes(content)
    refused(archive, "'a.jpg'", "encrypted")


def test_unusual_compression(tmp_path):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as opened:
        opened.writestr("a.jpg", b"a")
    refused(archive, "'a.jpg'", "unusual")


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_bomb(tmp_path, kind):
    archive = archive_of(tmp_path / f"set.{kind}", {"a.jpg": b"a", "bomb.jpg": bytes(20_000_000)})
    assert archive.stat().st_size < 100_000
    tracemalloc.start()
    refused(archive, "'bomb.jpg'")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_are_on_all_members_together(tmp_path, kind):
    archive = archive_of(tmp_path / f"set.{kind}", {f"{number}.jpg": b"12345" for number in range(4)})
    with pytest.raises(UserError, match=r"'3\.jpg'.*19 bytes"):
        unpack(archive, tmp_path / "out", most_bytes=19, most_members=5)
    with pytest.raises(UserError, match=r"'3\.jpg'.*4 members"):
        unpack(archive, tmp_path / "out", most_bytes=20, most_members=4)
    unpack(archive, tmp_path / "out", most_bytes=20, most_members=5)


@pytest.mark.parametrize("kind", KINDS)
def test_bound_on_each_member(tmp_path, kind):
    archive = archive_of(tmp_path / f"set.{kind}", {"a.jpg": b"123", "large.txt": b"12345", "b.jpg": b"1234"})
    assert len(list(members(archive, (".jpg",), most_bytes_each=4))) == 2
    with pytest.raises(UserError, match=r"'b\.jpg'.*4 bytes"):
        list(members(archive, (".jpg",), most_bytes_each=3))


def test_endless_name_is_not_read_into_memory(tmp_path):
    archive = tmp_path / "set.tar.gz"
    name = tar_header("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=50_000_000)
    with gzip.open(archive, "wb") as stream:
        stream.write(name.tobuf(tarfile.GNU_FORMAT) + b"a" * 50_000_000)
    tracemalloc.start()
    refused(archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_sparse_file(tmp_path):
    archive = tmp_path / "set.tar"
    header = tar_header("sparse.jpg", size=1)
    header.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": "999"}
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as opened:
        opened.addfile(header, io.BytesIO(b"1"))
    refused(archive, "'sparse.jpg'", "special kind")


def test_name_that_is_no_text(tmp_path):
    archive = archive_of(tmp_path / "set.zip", {"é.jpg": b"a"})
    archive.write_bytes(archive.read_bytes().replace("é".encode(), b"\xff\xff"))
    refused(archive)


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_at_any_place(tmp_path, kind):
    noise = random.Random(1).randbytes(3000)
    whole = archive_of(tmp_path / f"set.{kind}", {"a.jpg": noise, "b.jpg": noise}).read_bytes()
    archive = tmp_path / f"cut.{kind}"
    contained = len(whole) if kind != "tar" else whole.rindex(noise) + len(noise)  # then a tar is zeros to its end
    for length in range(0, contained, 151):
        archive.write_bytes(whole[:length])
        with pytest.raises(UserError, match=f"cut.{kind}"):
            list(members(archive, (".jpg",)))


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_altered_content(tmp_path, kind):
    noise = random.Random(1).randbytes(3000)
    archive = archive_of(tmp_path / f"set.{kind}", {"a.jpg": noise})
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    refused(archive)


def test_checksum_of_gzip_is_compared(tmp_path):
    plain = archive_of(tmp_path / "set.tar", FILES).read_bytes()
    archive = tmp_path / "set.tar.gz"
    content = bytearray(gzip.compress(plain + bytes(10**6)))  # the end mark is far before the end
    archive.write_bytes(content)
    assert len(list(members(archive, (".jpg",)))) == 3
    content[-8] ^= 1
    archive.write_bytes(content)
    refused(archive)


@pytest.mark.parametrize("kind", KINDS)
def test_random_damage_gives_one_sentence_or_the_members(tmp_path, kind):
    draw = random.Random(2)
    whole = archive_of(tmp_path / f"set.{kind}", FILES).read_bytes()
    archive = tmp_path / f"damaged.{kind}"
    refusals = 0
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(len(content) if kind != "tar" else 4096)] = draw.randrange(256)
        archive.write_bytes(content)
        try:
            for _ in members(archive, ("",)):
                pass
        except UserError as error:
            assert str(archive) in str(error)  # noqa: PT017 - some damage goes unnoticed, and may
            refusals += 1
    assert refusals > 25


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"PK\x03\x04", b"\x1f\x8b", bytes(100), b"\xff" * 2000])
def test_no_archive(tmp_path, content):
    (tmp_path / "set.tar.gz").write_bytes(content)
    refused(tmp_path / "set.tar.gz")


def test_missing_archive(tmp_path):
    refused(tmp_path / "absent.zip", "No such file")


def test_name_that_is_file_and_folder(tmp_path):
    archive = archive_of(tmp_path / "set.tar", {"a": b"file", "a/b": b"in it"})
    with pytest.raises(UserError, match=r"set\.tar"):
        unpack(archive, tmp_path / "out", most_bytes=100, most_members=10)


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    archive = archive_of(tmp_path / "set.tar", FILES)
    with pytest.raises(UserError, match=r"set\.tar.*file/out"):
        unpack(archive, tmp_path / "file" / "out", most_bytes=10**6, most_members=10)


def test_headers_read_are_not_kept(tmp_path):
    def headers_in_memory() -> int:
        gc.collect()
        return sum(isinstance(thing, tarfile.TarInfo) for thing in gc.get_objects())

    archive = archive_of(tmp_path / "set.tar", {f"{number}.jpg": b"" for number in range(20)})
    before = headers_in_memory()
    for name, _ in members(archive, (".jpg",)):
        if name == "19.jpg":
            assert headers_in_memory() - before < 10

"""Archives (tar, tar.gz, zip) read member by member, or unpacked into a folder: nothing outside it, no links.

for name, content in members(Path("images.tar.gz"), (".jpg",)):      # in the archive's order, nothing unpacked
    ...
unpack(Path("cifar-100-python.tar.gz"), Path("data/raw/cifar100"), most_bytes=200_000_000, most_members=10)
"""

import gzip
import os
import shutil
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from tqdm import tqdm

from maskcon.parameters.errors import UserError

BLOCK = 1 << 16  # bytes; tarfile moves the rest of a block at every read, so that larger ones are slower
MOST_BYTES_EACH = 100_000_000  # the largest photo of any set is far below
MOST_NAME_BYTES = 1_000_000
GZIP_START = b"\x1f\x8b"
ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # with members, and empty
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # versions of zip that are unknown
    UnicodeDecodeError,  # names
)


def members(
    archive: Path, suffixes: tuple[str, ...], *, most_bytes_each: int = MOST_BYTES_EACH
) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file whose name ends in one of the suffixes (in either case).

    The archive is read once from front to end, one member in memory at a time. The second file that a Mac adds for
    each (._NAME, or in __MACOSX) is left out.

    Args:
        most_bytes_each: a larger member is refused.

    Raises:
        UserError: the archive is truncated or damaged, or a member is too large, a link, a device or has a path that
            leads elsewhere.
    """
    endings = tuple(suffix.lower() for suffix in suffixes)
    with _members_of(archive) as found:
        for member in found:
            wanted = member.path.name.lower().endswith(endings) and not _is_of_a_mac(member.path)
            if member.is_folder or not wanted:
                continue
            if member.size > most_bytes_each:
                raise _refused(archive, member.name, f"{member.size:,} bytes long, more than {most_bytes_each:,}")
            with member.open() as content:
                yield str(member.path), content.read()


def unpack(archive: Path, target: Path, *, most_bytes: int, most_members: int) -> Path:
    """Unpack an archive into the folder ``target``, which is there only once it is whole.

    A folder that is there already is taken as it is. Owners and permissions of the archive are not taken over, nor the
    second files of a Mac.

    Args:
        most_bytes: of all files together, unpacked.
        most_members: files and folders together.

    Returns:
        ``target``.

    Raises:
        UserError: as ``members``, or it unpacks to more than these bounds, or the folder cannot be written.
    """
    if target.is_dir():
        return target
    unfinished = target.with_name(f".{target.name}.part")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
        unfinished.mkdir(parents=True)
        _unpack_into(unfinished, archive, most_bytes, most_members)
        os.replace(unfinished, target)
    except OSError as error:
        raise UserError(
            f"cannot unpack {archive} into {target}: {error.strerror or error}; free some space or make the folder "
            "writable, then run the same command again"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _unpack_into(folder: Path, archive: Path, most_bytes: int, most_members: int) -> None:
    number = total = 0
    with _members_of(archive) as found:
        for member in found:
            if _is_of_a_mac(member.path):
                continue
            number += 1
            total += member.size
            if number > most_members:
                raise _refused(archive, member.name, f"one more than the {most_members:,} members expected")
            if total > most_bytes:
                raise _refused(archive, member.name, f"past the {most_bytes:,} bytes expected of all members together")
            path = folder / member.path
            if member.is_folder:
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with member.open() as content, open(path, "wb") as file:
                shutil.copyfileobj(content, file, BLOCK)


@dataclass(frozen=True)
class _Member:
    """A regular file or folder of an archive, its path checked."""

    name: str  # as the archive has it
    path: PurePosixPath
    is_folder: bool
    size: int  # bytes, unpacked; content is never longer
    open: Callable[[], IO[bytes]]  # before the next member is asked for


@contextmanager
def _members_of(archive: Path) -> Iterator[Iterator[_Member]]:
    """All members in order, under a progress bar; what is wrong with the archive becomes a UserError."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(archive, "rb"))
        except OSError as error:
            raise UserError(f"{archive} cannot be read: {error.strerror}; fetch it again") from error
        bar = stack.enter_context(_bar(archive))
        start = file.read(4)
        file.seek(0)
        found = _zip_members(archive, file) if start in ZIP_STARTS else _tar_members(archive, file, start)
        try:
            yield _with_progress(found, file, bar)
        except DAMAGED as error:
            raise UserError(
                f"{archive} is truncated, damaged or no tar, tar.gz or zip archive ({error}); fetch it again"
            ) from error


def _with_progress(found: Iterator[_Member], file: IO[bytes], bar: tqdm) -> Iterator[_Member]:
    for member in found:
        yield member
        bar.update(max(0, file.tell() - bar.n))


def _tar_members(archive: Path, file: IO[bytes], start: bytes) -> Iterator[_Member]:
    with (
        # gzip's own reader instead of tarfile's, which checks neither the checksum nor that the stream is whole
        gzip.open(file) if start.startswith(GZIP_START) else nullcontext(file) as stream,
        tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK, tarinfo=_StrictHeader) as tar,
    ):
        while (header := tar.next()) is not None:
            tar.members.clear()  # tarfile keeps every header it has read: gigabytes for a million files
            if not (header.isreg() or header.isdir()) or header.issparse():
                raise _refused(archive, header.name, "a link, a device or of another special kind")
            if header.size < 0:
                raise tarfile.ReadError(f"{header.name!r} has a negative size")
            path = _checked_path(archive, header.name)
            yield _Member(header.name, path, header.isdir(), header.size, lambda header=header: tar.extractfile(header))
        while stream.read(BLOCK):  # to the end, where gzip compares its checksum
            pass


class _StrictHeader(tarfile.TarInfo):
    """Refuses what tarfile lets pass: an archive that stops without its end mark, and endless names."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error} at byte {tar.offset:,}") from None

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        header = super().frombuf(buf, encoding, errors)
        if not header.isreg() and header.size > MOST_NAME_BYTES:  # tarfile reads long names whole into memory
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header


def _zip_members(archive: Path, file: IO[bytes]) -> Iterator[_Member]:
    with zipfile.ZipFile(file) as opened:
        for info in opened.infolist():
            if info.header_offset < 0:
                raise zipfile.BadZipFile(f"{info.filename!r} begins before the archive")
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(archive, info.filename, "a link, a device or of another special kind")
            if info.flag_bits & 1:
                raise _refused(archive, info.filename, "encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _refused(archive, info.filename, "compressed in an unusual way")
            path = _checked_path(archive, info.filename)
            yield _Member(
                info.filename, path, info.filename.endswith("/"), info.file_size, lambda info=info: opened.open(info)
            )


def _checked_path(archive: Path, name: str) -> PurePosixPath:
    """The path of a member, refused where it leads out of the folder on any system."""
    path = PurePosixPath(name)
    windows = PureWindowsPath(name)
    if path.is_absolute() or windows.anchor or ".." in windows.parts or "\0" in name:
        raise _refused(archive, name, "a path that leads out of the folder")
    return path


def _is_of_a_mac(path: PurePosixPath) -> bool:
    return path.name.startswith("._") or "__MACOSX" in path.parts


def _refused(archive: Path, name: str, reason: str) -> UserError:
    return UserError(
        f"{archive}: member {name!r} is {reason}; it is not unpacked: fetch the archive from its published address"
    )


def _bar(archive: Path) -> tqdm:
    return tqdm(
        desc=f"reading {archive.name}",
        total=archive.stat().st_size,
        unit="B",
        unit_scale=True,
        disable=not sys.stderr.isatty(),
        leave=False,
    )

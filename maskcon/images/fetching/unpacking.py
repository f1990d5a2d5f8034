"""Archives (tar, tar.gz, zip, or unpacked already) brought into a folder: nothing outside it, all of it or nothing.

unpack(Path("cifar-100-python.tar.gz"), Path("data/raw/cifar100"))
"""

import gzip
import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from maskcon.parameters.errors import UserError
from maskcon.runtime.progress import progress_bar

BLOCK = 1 << 20  # bytes
DAMAGED = (
    tarfile.TarError,  # links and paths that lead outside, and devices, too
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # versions of zip that are unknown
    RuntimeError,  # encrypted
    UnicodeDecodeError,  # names
)


def unpack(archive: Path, target: Path) -> Path:
    """Unpack an archive, or copy a folder, into the folder ``target``, which is there only once it is whole.

    A folder that is there already is taken as it is. Owners and permissions of the archive are not taken over.

    Raises:
        UserError: the archive is damaged or would write outside of the folder, or the folder cannot be written.
    """
    if target.is_dir():
        return target
    unfinished = target.with_name(f".{target.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    try:
        unfinished.mkdir(parents=True)
        if archive.is_dir():
            shutil.copytree(archive, unfinished, dirs_exist_ok=True)
        else:
            (_unpack_zip if zipfile.is_zipfile(archive) else _unpack_tar)(archive, unfinished)
        os.replace(unfinished, target)
    except DAMAGED as error:
        raise UserError(
            f"{archive} is damaged or unsafe ({error}); fetch it again from its published address"
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot unpack {archive} into {target}: {error.strerror or error}; free some space or make the folder "
            "writable, then run the same command again"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar, progress_bar(f"unpacking {archive.name}", None, unit="file") as bar:
        while (member := tar.next()) is not None:
            tar.extract(member, folder, filter="data")
            tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every header it has read: gigabytes for a million files
            bar.update()
        while tar.fileobj.read(BLOCK):  # to the end, where gzip compares its checksum
            pass


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        with progress_bar(f"unpacking {archive.name}", len(names), unit="file") as bar:
            for name in names:
                path = PurePosixPath(name)
                if path.is_absolute() or ".." in path.parts:
                    raise zipfile.BadZipFile(f"{name!r} leads out of the folder")
                opened.extract(name, folder)
                bar.update()

"""Files that are whole or absent: written under a temporary name, flushed to disk, then moved into place."""

import csv
import errno
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from maskcon.parameters.errors import UserError

UNFINISHED = ".*.part"  # what files are called until they are whole
FILE_FOR_A_FOLDER = "a file is where a folder should be; name another place, or move that file away"
ADVICE = {
    errno.EISDIR: "name a file, not a folder",
    errno.EEXIST: FILE_FOR_A_FOLDER,
    errno.ENOTDIR: FILE_FOR_A_FOLDER,
}
OTHER_ADVICE = "free some space or make the folder writable, then run the same command again"


class CannotWrite(UserError):
    """The disk is full, the folder cannot be written, or the path can be no file."""

    def __init__(self, path: Path, error: OSError):
        self.what_happened = f"cannot write {path}: {error.strerror or error}"
        super().__init__(f"{self.what_happened}; {ADVICE.get(error.errno, OTHER_ADVICE)}")


def write_atomically(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Call ``write`` with a binary file that becomes ``path`` once it is complete.

    The bytes are on the disk before they get the name, and the name is before this returns: after a power cut ``path``
    is the old file or the new one.

    Raises:
        CannotWrite: the disk is full or the folder cannot be written; ``path`` is then as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.unlink(missing_ok=True)  # of a killed process with the same number
            with open(temporary, "xb") as file:  # never through a link that stands there
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _flush_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(path, error) from error


def never_through_a_link(path: str, flags: int) -> int:
    """An opener for files that are gone on with: a link that stands in their place is an error."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _flush_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_place(path: Path) -> None:
    """For a result that takes long to compute: that it can be written, without making anything yet.

    Raises:
        CannotWrite: ``path`` is a folder, or what is to be its folder is a file or cannot be written.
    """
    path = Path(path)
    standing = next(folder for folder in path.absolute().parents if folder.exists())
    fault = None
    if path.is_dir():
        fault = errno.EISDIR
    elif not standing.is_dir():
        fault = errno.ENOTDIR
    elif not os.access(standing, os.W_OK):
        fault = errno.EACCES
    if fault is not None:
        raise CannotWrite(path, OSError(fault, os.strerror(fault)))


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that were killed while writing have left in ``folder``."""
    for path in Path(folder).glob(UNFINISHED):
        path.unlink()


def write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Indented JSON in the order given; refuses NaN, which is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_table(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """A CSV file with ``columns``, or the keys of the first row, as its header."""
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())

"""Files that are whole or absent: written under a temporary name, flushed to disk, then moved into place."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from maskcon.errors import UserError


def write_atomically(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Call ``write`` with a binary file that becomes ``path`` once it is complete.

    Raises:
        UserError: the disk is full or the folder cannot be written; ``path`` is then as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; free some space or make the folder writable, "
            "then run the same command again"
        ) from error


def write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Indented JSON in the order given; refuses NaN, which is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_table(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """A CSV file with the keys of the first row as its header."""
    rows = list(rows)
    if not rows:
        raise ValueError(f"no rows to write to {path}")

    lines = _Lines()
    writer = csv.DictWriter(lines, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, "".join(lines))


class _Lines(list):
    """A list that csv can write to."""

    write = list.append

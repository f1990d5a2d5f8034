"""Files and folders that a person put into data.root: found there, and brought into data/raw without a second copy.

folder = lying_in(root, "cars_train")
link_or_copy(folder, raw / "cars_train")
"""

import os
import shutil
from pathlib import Path

from maskcon.parameters.errors import UserError

DEPTH = 3  # folders that a mirror's archive may be wrapped in


def lying_in(root: Path, name: str) -> Path | None:
    """The file or folder of that name in ``root`` or in folders in it, the least deep one; None where there is none."""
    for depth in range(DEPTH + 1):
        found = sorted(root.glob("*/" * depth + name))
        if found:
            return found[0]
    return None


def link_or_copy(source: Path, target: Path) -> Path:
    """Bring a file, or a folder with all in it, to ``target``: by hard links, or copies on another disk.

    Raises:
        UserError: the disk is full or the folder cannot be written; ``target`` is then not there.
    """
    if target.exists():
        return target
    unfinished = target.with_name(f".{target.name}.part")
    try:
        _remove(unfinished)  # of a run that was killed
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, unfinished, copy_function=_link_or_copy_file)
        else:
            _link_or_copy_file(source, unfinished)
        os.replace(unfinished, target)
    except OSError as error:
        _remove(unfinished)
        raise UserError(
            f"cannot bring {source} to {target}: {error.strerror or error}; free some space or make the folder "
            "writable, then run the same command again"
        ) from error
    return target


def _link_or_copy_file(source: str | Path, target: str | Path) -> None:
    try:
        os.link(Path(source).resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

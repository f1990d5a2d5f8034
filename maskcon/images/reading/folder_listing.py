"""What a person's folder of photos says: which photos there are, of which part and class, and what is wrong with it.

    problems = Problems()
    listing = list_photos(Path("birds"), "auto", {}, problems)      # a row a photo: path, split, coarse, fine

The folder holds labels.csv (path, coarse, and optionally fine and split), or folders that are named by part and class:
split/coarse/fine/*.jpg, split/coarse/*.jpg, coarse/fine/*.jpg, coarse/*.jpg; or by fine class alone where a table gives
the coarse ones: split/fine/*.jpg, fine/*.jpg. What is not known is empty text.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from maskcon.images.reading.photo import photo_suffixes
from maskcon.images.reading.text_table import read_text_table, show_columns
from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import set_by, show

LISTING_COLUMNS = ("path", "split", "coarse", "fine")
LABELS_FILE = "labels.csv"
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
MOST_NAMES = 20  # of one kind of problem


class Problems:
    """What is wrong, and what a person should know, gathered so that it can be told at once."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.warnings: list[str] = []

    def add(self, what: str, names: Iterable[object], remedy: str) -> None:
        """Something that nobody can go on with. Nothing, where there are no names."""
        self.found += _line(what, names, remedy)

    def warn(self, what: str, names: Iterable[object], meaning: str) -> None:
        """Something that one can go on with, and what it means. Nothing, where there are no names."""
        self.warnings += _line(what, names, meaning)

    def tell(self, root: Path) -> None:
        """A line for each kind of problem and warning; without problems the warnings alone are printed.

        Raises:
            UserError: there is a problem.
        """
        warnings = [f"warning: {warning}" for warning in self.warnings]
        if self.found:
            first = f"the photos of data.root={show(root)} cannot be used yet"
            raise UserError("\n".join([first, *self.found, *warnings]))
        for warning in warnings:
            print(warning, file=sys.stderr, flush=True)


def _line(what: str, names: Iterable[object], remark: str) -> list[str]:
    """One line with the first names, or none where there are no names."""
    shown = [show(name) for name in names]
    if not shown:
        return []
    listed = ", ".join(shown[:MOST_NAMES])
    more = f" and {len(shown) - MOST_NAMES:,} more" if len(shown) > MOST_NAMES else ""
    return [f"{what} ({len(shown):,}): {listed}{more}; {remark}"]


def list_photos(root: Path, layout: str, coarse_of_fine: dict[str, str], problems: Problems) -> pd.DataFrame:
    """A row a photo, LISTING_COLUMNS, sorted by path.

    Args:
        layout: what the folders are named by, such as "split/coarse/fine"; "labels.csv"; or "auto", to see.
        coarse_of_fine: the person's table, where there is one. A fine class that it leaves without coarse class keeps
            the coarse class empty.

    Raises:
        UserError: there is nothing to read, or no telling what it means.
    """
    if layout == "labels.csv" or (layout == "auto" and os.path.lexists(root / LABELS_FILE)):
        listing = _listed_in_file(root, problems)
    else:
        listing = _listed_by_folders(root, layout, bool(coarse_of_fine), problems)
    if coarse_of_fine:
        listing = _with_coarse(listing, coarse_of_fine, problems)
    return listing.sort_values("path", ignore_index=True)


def read_coarse_of_fine(path: Path) -> dict[str, str]:
    """A person's table, columns fine_name and coarse_name; a class without coarse name is to be left out.

    Raises:
        UserError: it cannot be read, or gives a class twice.
    """
    table = read_text_table(path, required=("fine_name", "coarse_name"))
    twice = sorted(set(table.loc[table["fine_name"].duplicated(), "fine_name"]))
    if twice:
        raise UserError(f"{show(path)}: {show(twice[0])} stands in several rows; keep one of them")
    return dict(zip(table["fine_name"], table["coarse_name"], strict=True))


def _with_coarse(listing: pd.DataFrame, coarse_of_fine: dict[str, str], problems: Problems) -> pd.DataFrame:
    if (listing["coarse"] != "").any():
        raise UserError(
            "data.coarse_map gives the coarse classes, but the folder names some itself; leave out one of the two "
            f"(what folders are named by is said by {set_by('data.layout=...')})"
        )
    unknown = sorted(set(listing["fine"]) - set(coarse_of_fine))
    problems.add(
        "fine classes that data.coarse_map lacks",
        unknown,
        "add a row for each, without coarse_name if it shall be left out",
    )
    return listing.assign(coarse=[coarse_of_fine.get(fine, "") for fine in listing["fine"]])


def _listed_in_file(root: Path, problems: Problems) -> pd.DataFrame:
    if not _lies_in(root / LABELS_FILE, root):  # a message about its columns would show another file
        raise UserError(f"{show(root / LABELS_FILE)} is a link that leads outside of the folder; copy the file into it")
    table = read_text_table(root / LABELS_FILE, required=("path",))
    if "coarse" not in table and "fine" not in table:
        raise UserError(
            f"{show(root / LABELS_FILE)} has no column coarse; it has {show_columns(list(table))}; "
            "expected path, coarse and, if known, fine, split"
        )
    for column in LISTING_COLUMNS:
        if column not in table:
            table[column] = ""
    table = table[list(LISTING_COLUMNS)]
    table["path"] = [os.path.normpath(path) if path else "" for path in table["path"]]
    table["split"] = _known_splits(table, problems)

    problems.add("rows without path", [f"row {row + 2}" for row in table.index[table["path"] == ""]], "add it")
    table = table[table["path"] != ""]
    outside = [path for path in table["path"] if not _lies_in(root / path, root)]
    problems.add("paths that lead outside of the folder", outside, "copy the photos into it")
    twice = sorted(set(table.loc[table["path"].duplicated(), "path"]))
    problems.add("photos in several rows", twice, "keep one row of each")
    missing = [path for path in set(table["path"]) - set(outside) if not os.path.exists(root / path)]
    problems.add("photos that are not there", sorted(missing), "correct their rows, or add them")
    return table[~table["path"].duplicated() & ~table["path"].isin([*outside, *missing])]


def _known_splits(table: pd.DataFrame, problems: Problems) -> list[str]:
    if not (table["split"] != "").any():
        return [""] * len(table)
    unknown = table.loc[~table["split"].str.lower().isin(SPLIT_NAMES), "split"]
    problems.add(
        "unknown names of parts",
        sorted({name or "(empty)" for name in unknown}),
        "a part is called train, val or test",
    )
    return [SPLIT_NAMES.get(name.lower(), "train") for name in table["split"]]


def _listed_by_folders(root: Path, layout: str, with_map: bool, problems: Problems) -> pd.DataFrame:
    paths = [Path(path) for path in _photos_in(root, problems)]
    if not paths:
        raise UserError(
            f"data.root={show(root)} has no photos; expected labels.csv, or folders named by class that hold photos"
        )
    if layout == "auto":
        layout = _seen_layout([path.parts[:-1] for path in paths], with_map)
    levels = layout.split("/")
    misplaced = sorted(path for path in paths if len(path.parts) != len(levels) + 1)
    problems.add(
        f"photos that do not lie as {layout}/photo",
        misplaced,
        f"move them, or say what the folders are named by: {set_by('data.layout=...')}",
    )
    unknown = dict.fromkeys(LISTING_COLUMNS, "")
    rows = [
        {**unknown, "path": path.as_posix(), **dict(zip(levels, path.parts[:-1], strict=True))}
        for path in paths
        if len(path.parts) == len(levels) + 1
    ]
    table = pd.DataFrame(rows, columns=list(LISTING_COLUMNS))
    table["split"] = _known_splits(table, problems)
    return table


def require_plain_files(root: Path) -> None:
    """Refuse what nobody can read before DVC reads the folder, hidden files and all: a pipe it would wait for.

    Raises:
        UserError: names what is not a file, or cannot be read.
    """
    problems = Problems()
    unreadable: list[OSError] = []
    odd = [
        os.path.relpath(path, root)
        for folder, _, files in os.walk(root, onerror=unreadable.append)
        for path in (os.path.join(folder, name) for name in files)
        if not (os.path.isfile(path) and os.access(path, os.R_OK))
    ]
    problems.add(
        "pipes, devices, links that lead nowhere, and files without permission",
        sorted(odd),
        "remove them, or allow them to be read (a name that begins with .# belongs to an open editor)",
    )
    _add_unreadable(unreadable, root, problems)
    problems.tell(root)


def _add_unreadable(errors: list[OSError], root: Path, problems: Problems) -> None:
    named = [f"{show(os.path.relpath(error.filename, root))} ({error.strerror})" for error in errors]
    problems.add("folders that cannot be read", named, "allow them to be read, or see that their disk is there")


def _photos_in(root: Path, problems: Problems) -> Iterator[str]:
    """Paths of the photos from ``root`` on; what is hidden or not named as a photo is passed over."""
    suffixes = photo_suffixes()
    passed_over: Counter[str] = Counter()
    unreadable: list[OSError] = []
    links, outside, unwritable = [], [], []
    for folder, folders, files in os.walk(root, onerror=unreadable.append):
        below = os.path.relpath(folder, root)
        folders[:] = [name for name in folders if not _is_hidden(name)]
        links += [os.path.normpath(os.path.join(below, name)) for name in folders if os.path.islink(f"{folder}/{name}")]
        for name in files:
            path = os.path.normpath(os.path.join(below, name))
            suffix = os.path.splitext(name)[1].lower()
            if _is_hidden(name):
                continue
            if suffix not in suffixes:
                passed_over[suffix or "(no suffix)"] += 1
            elif not _lies_in(os.path.join(root, path), root):
                outside.append(path)
            elif not _is_text(path):
                unwritable.append(path)
            else:
                yield path
    _add_unreadable(unreadable, root, problems)
    problems.add("paths that lead outside of the folder", sorted(outside), "copy the photos into it")
    problems.add("links to folders", sorted(links), "put the photos themselves there, or remove the links")
    problems.add("names that are not UTF-8", sorted(unwritable), "rename them")
    if passed_over:
        counts = ", ".join(f"{number:,} {show(suffix)}" for suffix, number in sorted(passed_over.items()))
        print(f"passed over files that are not named as photos: {counts}", flush=True)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX")) or name == "Thumbs.db"


def _seen_layout(folders: list[tuple[str, ...]], with_map: bool) -> str:
    """What the folders are named by. Raises: UserError, where that cannot be seen."""
    first = {names[0] for names in folders if names}
    parts = {name for name in first if name.lower() in SPLIT_NAMES}
    if parts and parts != first:
        raise UserError(
            f"some folders are named as parts ({show(min(parts))}), others not ({show(min(first - parts))}); say "
            f"what they are named by, such as split/coarse or coarse: {set_by('data.layout=...')}"
        )
    [(depth, _)] = Counter(len(names) for names in folders).most_common(1)
    depth -= bool(parts)
    if depth not in (1, 2):
        raise UserError(
            f"most photos lie {'in no folder of a class' if depth < 1 else f'{depth} folders deep'}; expected "
            "split/coarse/fine/photo, split/coarse/photo, coarse/fine/photo or coarse/photo"
        )
    classes = "coarse/fine" if depth == 2 else "fine" if with_map else "coarse"
    return f"split/{classes}" if parts else classes


def _lies_in(path: str | Path, root: str | Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True

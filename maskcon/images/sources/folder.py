"""A person's own folder of photos, with coarse labels and perhaps fine ones.

    dvc exp run -S data=folder -S data.root=/home/me/birds

How the folder says what its photos are: folder_listing.py. Nothing is copied from it but the packed pixels; DVC watches
it, so that a photo changed is a set packed again.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from maskcon.images.packed.image_set import SPLITS
from maskcon.images.packed.left_out import LeftOut
from maskcon.images.reading.decoding import Decoded, decode_photos
from maskcon.images.reading.folder_listing import (
    Problems,
    list_photos,
    read_coarse_of_fine,
    require_plain_files,
)
from maskcon.images.reading.source import Split
from maskcon.images.reading.validation import FEWEST_SHARED_OUT, drawn_share
from maskcon.parameters.data import PhotoSet
from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import counted, set_by, show
from maskcon.parameters.values import PartOfTrain
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.randomness import numpy_generator

EVALUATED = ("val", "test")
NO_COARSE_CLASS = "no photo has a coarse class; name folders by it, or give a table: labels.csv, or data.coarse_map"
DRAWN_FROM_LARGE = f"a part that is drawn takes photos of classes with {FEWEST_SHARED_OUT} or more"


class Values(PhotoSet):
    """Shares are used where the folder itself lacks that part."""

    layout: Literal[
        "auto", "labels.csv", "split/coarse/fine", "split/coarse", "coarse/fine", "coarse", "split/fine", "fine"
    ]
    """What the folders are named by; auto: labels.csv where there is one, otherwise as the folders look."""
    test_share: PartOfTrain
    """Share of all photos that is kept for the test, where the folder has no part called test."""
    on_bad_image: Literal["error", "skip"]
    """What to do with photos that cannot be read: stop and name them, or go on without them."""


def check(root: Path) -> None:
    """Raises: UserError, where there is no such folder, or something in it cannot be read."""
    if not root.is_dir():
        raise UserError(
            f"data.root={show(root)} is not a folder; give the folder of your photos by its whole path: "
            f"{set_by('data.root=/home/me/photos')}"
        )
    require_plain_files(root)


def download(root: Path, raw: Path) -> None:
    """Nothing is fetched: a note says where the photos lie. Raises: UserError, as ``check``."""
    check(root)
    write_text(raw / "README", f"The photos are read from {show(root)}.\n")


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """The photos of the folder ``raw``: its own parts, and shares drawn by ``data.seed`` for those that it lacks.

    Raises:
        UserError: all that is wrong with the folder.
    """
    problems = Problems()
    coarse_of_fine = read_coarse_of_fine(Path(data.coarse_map))
    listing = list_photos(raw, data.layout, coarse_of_fine, problems)
    listing, left_out = _without_left_out(listing, coarse_of_fine, problems)
    _require_some(listing, NO_COARSE_CLASS, problems, raw)
    paths = [raw / path for path in listing["path"]]
    decoded = decode_photos(paths, *data.stored_size, scratch, title=f"{len(paths):,} photos of {show(raw)}")
    listing, unreadable = _readable(listing, decoded, data.on_bad_image, problems)
    _require_some(listing, "no photo can be read; add some", problems, raw)
    listing = _with_parts(listing, data)
    _check_classes(listing, problems)
    problems.tell(raw)

    rows = _numbered(listing)
    for split in SPLITS:
        chosen = rows[rows["split"] == split]
        labels = chosen.drop(columns=["split", "row"]).reset_index(drop=True)
        yield (
            split,
            Split(labels, decoded.chunks(chosen["row"].to_numpy()), left_out + unreadable if split == "train" else ()),
        )


def _without_left_out(
    listing: pd.DataFrame, coarse_of_fine: dict[str, str], problems: Problems
) -> tuple[pd.DataFrame, list[LeftOut]]:
    """The rows with a coarse class. Classes that the person's table leaves out are counted, other gaps are problems."""
    gap = listing["coarse"] == ""
    unknown = gap & (listing["fine"] == "") if coarse_of_fine else gap
    if not gap.all():  # to name them all says less than _require_some
        problems.add("photos without coarse class", listing.loc[unknown, "path"], "give it")
    without_fine = int((~gap & (listing["fine"] == "")).sum())
    if 0 < without_fine < (~gap).sum():
        problems.warnings.append(
            f"{without_fine:,} of {len(listing):,} photos have no fine class; in val and test the others are measured, "
            "among themselves"
        )
    classes = listing.loc[gap & listing["fine"].isin(coarse_of_fine), "fine"].value_counts().sort_index()
    left_out = [LeftOut(name, number, "has no coarse class in data.coarse_map") for name, number in classes.items()]
    problems.warn(
        "fine classes without coarse class in data.coarse_map",
        [f"{show(name)} with {counted(number, 'photo')}" for name, number in classes.items()],
        "their photos are left out, see left_out.csv",
    )
    return listing[~gap].reset_index(drop=True), left_out


def _require_some(listing: pd.DataFrame, otherwise: str, problems: Problems, root: Path) -> None:
    """Raises: UserError, where no photo is left: with what is wrong until here; the rest would only follow."""
    if listing.empty:
        problems.found = problems.found or [otherwise]
        problems.tell(root)


def _readable(
    listing: pd.DataFrame, decoded: Decoded, on_bad_image: str, problems: Problems
) -> tuple[pd.DataFrame, list[LeftOut]]:
    """The rows of photos that could be read, with their sizes and their place among the decoded."""
    unreadable = [LeftOut(listing["path"][row], 1, why) for row, why in decoded.faults.items()]
    if on_bad_image == "error":
        problems.add(
            "photos that cannot be read",
            [f"{show(photo.source)} {photo.reason}" for photo in unreadable],
            f"mend or remove them, or go on without them: {set_by('data.on_bad_image=skip')}",
        )
    elif unreadable:
        print(f"left out, as they cannot be read: {counted(len(unreadable), 'photo')}, see left_out.csv", flush=True)
    listing = listing.assign(row=np.arange(len(listing)), width=decoded.own_sizes[:, 0], height=decoded.own_sizes[:, 1])
    return listing.drop(index=list(decoded.faults)), unreadable


def _with_parts(listing: pd.DataFrame, data: Values) -> pd.DataFrame:
    """With a part for every photo: test and val are drawn from train where the folder has none.

    Where only some photos have fine classes, these are drawn for test first: in each coarse class all of them, where
    they are at most twice ``test_share`` and half of its photos; otherwise as many as ``test_share`` says.
    """
    split = listing["split"].replace("", "train").to_numpy(dtype=object, copy=True)
    classes = listing["fine" if (listing["fine"] != "").all() else "coarse"].to_numpy(dtype=object)
    has_fine = (listing["fine"] != "").to_numpy()
    for part, share in (("test", data.test_share), ("val", data.val_share)):
        if part not in split:
            train = np.flatnonzero(split == "train")
            first = has_fine[train] if part == "test" and not has_fine.all() else None
            split[train[drawn_share(classes[train], share, numpy_generator(data.seed, "folder", part), first)]] = part
    return listing.assign(split=split)


def _check_classes(listing: pd.DataFrame, problems: Problems) -> None:
    coarse_of_fine = listing[listing["fine"] != ""].groupby("fine")["coarse"].unique()
    problems.add(
        "fine classes in more than one coarse class",
        [
            f"{show(fine)} ({', '.join(map(show, several))})"
            for fine, several in coarse_of_fine.items()
            if len(several) > 1
        ],
        "keep each in one",
    )
    part = {split: listing[listing["split"] == split] for split in SPLITS}
    if len(part["test"]) < 2:
        problems.found.append(
            f"the part test has {counted(len(part['test']), 'photo')}, and two are needed at least; "
            f"add photos, or raise data.test_share; {DRAWN_FROM_LARGE}"
        )
    names = sorted(set(listing["coarse"]))
    if len(names) == 1:
        problems.warnings.append(
            f"all photos are of one coarse class, {show(names[0])}; coarse labels then tell no two photos apart, in "
            "training as in coarse Recall@K; give two classes or more"
        )
    missing = {split: sorted(set(names) - set(rows["coarse"])) for split, rows in part.items()}
    problems.add("coarse classes without photo in train", missing["train"], "add photos, or move some")
    _warn_of_small_classes(listing, part, problems)
    for split in EVALUATED:
        if len(part[split]):
            problems.warn(
                f"coarse classes without photo in {split}",
                missing[split],
                f"what is measured on {split} says nothing about them; {DRAWN_FROM_LARGE}",
            )


def _warn_of_small_classes(listing: pd.DataFrame, part: dict[str, pd.DataFrame], problems: Problems) -> None:
    """Tell the classes whose photo has no other to be found by: Recall@K counts such a query as a miss."""
    for kind in ("coarse", "fine"):
        single = _with_one_photo(listing[kind])
        problems.warn(
            f"{kind} classes with one photo",
            single,
            "in train it is only trained on, in val or test nothing can match it: a miss at every K of Recall@K",
        )
        for split in EVALUATED:
            alone = _with_one_photo(part[split][kind])
            best = 1 - len(alone) / max(1, (part[split][kind] != "").sum())
            problems.warn(
                f"{kind} classes with one photo in {split}",
                sorted(set(alone) - set(single)),
                "nothing there can match it: a miss at every K, so that "
                f"{kind} Recall@K of {split} is at most {best:.1%}",
            )


def _with_one_photo(classes: pd.Series) -> list[str]:
    """The names that stand once, in order; an empty name is none."""
    counts = classes[classes != ""].value_counts()
    return sorted(counts.index[counts == 1])


def _numbered(listing: pd.DataFrame) -> pd.DataFrame:
    """With classes numbered in the order of their names, and the columns of a Split."""
    rows = listing.rename(columns={"path": "source", "coarse": "coarse_name", "fine": "fine_name"})
    for kind in ("coarse", "fine"):
        number_of = {name: number for number, name in enumerate(sorted(set(rows[f"{kind}_name"]) - {""}))}
        some_unknown = (rows[f"{kind}_name"] == "").any()
        rows[kind] = rows[f"{kind}_name"].map(number_of).astype("Int64" if some_unknown else np.int64)
    return rows.drop(columns=["fine", "fine_name"]) if (rows["fine_name"] == "").all() else rows

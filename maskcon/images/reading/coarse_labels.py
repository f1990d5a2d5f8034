"""The tables of coarse_labels/: fine class -> coarse class, one readable CSV a data set, named by data.coarse_map.

fine,fine_name,coarse,coarse_name
42,42,4,tens 4
"""

from pathlib import Path

import numpy as np
import pandas as pd

from maskcon.images.packed.image_set import LABEL_COLUMNS
from maskcon.images.reading.text_table import read_text_table
from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import counted, show

TABLE_COLUMNS = ("fine", "fine_name", "coarse", "coarse_name")


def read_coarse_table(path: Path, further: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table, by fine class.

    Args:
        further: columns that the reader of a set needs beside TABLE_COLUMNS, kept as text.

    Raises:
        UserError: it is missing, empty or malformed, a fine class stands twice, fine or coarse classes are not
            numbered from 0 without gaps, a name is empty, or a coarse class has two names.
    """
    columns = [*TABLE_COLUMNS, *further]
    table = read_text_table(path, required=columns)[columns]
    try:
        table = table.astype({"fine": np.int64, "coarse": np.int64}).sort_values("fine", ignore_index=True)
    except (ValueError, OverflowError) as error:
        reason = show(" ".join(str(error).split()))
        raise UserError(f"{path} cannot be read ({reason}); fine and coarse must be whole numbers") from None

    coarse = sorted(set(table["coarse"]))
    if table.empty or list(table["fine"]) != list(range(len(table))):
        raise UserError(f"{path}: the fine classes must be 0, 1, 2 and so on, each in one row")
    if coarse != list(range(len(coarse))):
        raise UserError(f"{path}: the coarse classes must be 0 to {len(coarse) - 1} without a gap, found {coarse}")
    for column in ("fine_name", "coarse_name"):
        unnamed = table.loc[table[column] == "", "fine"]
        if len(unnamed):
            raise UserError(f"{path}: the row of fine class {unnamed.iloc[0]} has no {column}; add it")
    for label, names in table.groupby("coarse")["coarse_name"].unique().items():
        if len(names) > 1:
            raise UserError(f"{path}: coarse class {label} has the names {', '.join(map(show, names))}; keep one")
    return table


def label_part(labels: pd.DataFrame, coarse_map: Path) -> pd.DataFrame:
    """The rows of labels.csv for those of a part (see source.Split): fine classes, and the coarse ones that they have.

    Where the part carries coarse labels of its own, they stand, and ``coarse_map`` is not read.

    Raises:
        UserError: ``coarse_map`` is no such table, or lacks a fine class of the part.
    """
    if "coarse" in labels:
        return _all_columns(labels)
    table = read_coarse_table(coarse_map)
    unknown = sorted(set(labels["fine"]) - set(table["fine"]))
    if unknown:
        raise UserError(f"{coarse_map} lacks the fine classes {unknown[:10]}; add a row for each")
    named = table.iloc[labels["fine"]].reset_index(drop=True)
    return _all_columns(pd.concat([named, labels[["source", "width", "height"]].reset_index(drop=True)], axis=1))


def classes_in_words(labels: pd.DataFrame) -> str:
    """How many there are, such as: 2 coarse and 10 fine classes."""
    coarse, fine = labels["coarse"].nunique(), labels["fine"].nunique()
    has_fine = (labels["fine"] != "").all()
    return f"{coarse} coarse and {counted(fine, 'fine class')}" if has_fine else counted(coarse, "coarse class")


def _all_columns(labels: pd.DataFrame) -> pd.DataFrame:
    """With LABEL_COLUMNS; what is not known of fine classes stays empty."""
    labels = labels.copy()
    if "fine" not in labels:
        labels["fine"] = labels["fine_name"] = ""
    if "fine_name" not in labels:
        labels["fine_name"] = labels["fine"].astype(str)
    return labels[list(LABEL_COLUMNS)]

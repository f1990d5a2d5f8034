"""CSV files that people hand in, read as text and as nothing but what they plainly say.

table = read_text_table(Path("labels.csv"), required=("path", "coarse"))     # a DataFrame of str
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import show

MOST_SHOWN = 20  # columns in a message


def show_columns(header: Sequence[str]) -> str:
    """The names of columns, the first of many."""
    return ", ".join(map(show, header[:MOST_SHOWN])) + (", ..." if len(header) > MOST_SHOWN else "")


def _is_parted_otherwise(header: list[str]) -> bool:
    """Whether it is one column that holds several: Excel puts semicolons where commas are in numbers."""
    return len(header) == 1 and any(sign in header[0] for sign in ";\t|")


def read_text_table(path: Path, required: Sequence[str]) -> pd.DataFrame:
    """The rows of a CSV file in UTF-8 with a header; cells and column names without spaces around, missing ones empty.

    Raises:
        UserError: it cannot be read or is no such file, lacks a required column or has one twice, or a row has more
            cells than the header.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is not a file")  # a pipe would be waited for without end
        text = path.read_bytes().decode("utf-8-sig")
        if "\0" in text:
            raise ValueError("it holds bytes of 0")
        lines = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
        rows = [(lines.line_num, [cell.strip() for cell in row]) for row in lines if row]
        if not rows:
            raise ValueError("it is empty")
    except FileNotFoundError:
        raise UserError(f"there is no file {show(path)}; expected a CSV file in UTF-8, correct the path") from None
    except (OSError, ValueError, csv.Error) as error:
        reason = show(" ".join(str(error).split()))
        raise UserError(f"{show(path)} cannot be read ({reason}); expected a CSV file in UTF-8") from None

    (_, header), *rows = rows
    for column in required:
        if column not in header:
            remedy = "; commas should stand between its columns" if _is_parted_otherwise(header) else ""
            raise UserError(f"{show(path)} has no column {column}; it has {show_columns(header)}{remedy}")
    twice = [column for column in header if column and header.count(column) > 1]
    if twice:
        raise UserError(f"{show(path)} has the column {show(twice[0])} twice; keep one of them")
    for number, row in rows:
        if any(row[len(header) :]):
            raise UserError(
                f"{show(path)}: line {number:,} has {len(row)} cells, but the header names {len(header)} columns; "
                "put quotes around a cell that holds a comma"
            )
    cells = [row[: len(header)] + [""] * (len(header) - len(row)) for _, row in rows]
    table = pd.DataFrame(cells, columns=header, dtype=str)
    return table.loc[:, [bool(column) for column in header]]

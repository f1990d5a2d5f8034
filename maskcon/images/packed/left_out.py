"""What of a source is not in the packed set: left_out.csv beside its parts, where there is anything.

data/sets/NAME/left_out.csv    a row a photo, or a fine class whose photos are left out, columns as LeftOut has them
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_table

FILE = "left_out.csv"


@dataclass(frozen=True)
class LeftOut:
    """Images of the source that are not in the set."""

    source: str  # a photo, or a fine class
    images: int
    reason: str  # such as: is empty


def write_left_out(packed: Path, left_out: Sequence[LeftOut]) -> None:
    """Write the table into the folder of a set; none, where nothing is left out."""
    if left_out:
        write_table(packed / FILE, [asdict(one) for one in left_out])
    else:
        (packed / FILE).unlink(missing_ok=True)


def read_left_out(packed: Path) -> list[LeftOut]:
    """What ``write_left_out`` wrote.

    Raises:
        UserError: the table cannot be read.
    """
    path = packed / FILE
    if not path.exists():
        return []
    import pandas as pd  # here, so that a set of which nothing is left out does not wait for it

    try:
        table = pd.read_csv(path, dtype={"source": str, "images": int, "reason": str}, keep_default_na=False)
        return [LeftOut(row["source"], row["images"], row["reason"]) for row in table.to_dict("records")]
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read ({reason}); make it again with: dvc repro -f coarse") from None

"""Online products, split 2: the 1,498 products with 12 photos, 10 of each to train (14,980) and 2 to test (2,996).

Source: Feng and Patras, MaskCon (CVPR 2023). They drew the photos to test at random; coarse_labels/sop_split2.csv says
which, in its column test_photos. Each query has one match. Validation takes whole products out of training.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.reading.online_products import ARCHIVE, download, photos, rows_of
from maskcon.images.reading.published_photos import train_val_test
from maskcon.images.reading.source import Split
from maskcon.parameters.data import PhotoSet
from maskcon.parameters.errors import UserError

Values = PhotoSet
__all__ = ["Values", "chosen", "download", "splits"]


def chosen(listed: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The photos of the split, with the columns fine and split.

    Args:
        listed: photos with the columns product and number.
        table: rows with fine, fine_name (the product) and test_photos (numbers, as text).
    """
    kept = listed.merge(table, left_on="product", right_on="fine_name")
    is_test = [
        number in map(int, tested.split()) for number, tested in zip(kept["number"], kept["test_photos"], strict=True)
    ]
    return kept.assign(split=pd.Series(is_test, index=kept.index).map({True: "test", False: "train"}))


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    table = read_coarse_table(Path(data.coarse_map), further=("test_photos",))
    rows = chosen(photos(raw), table)
    tested = table["test_photos"].str.split().str.len().sum()
    if rows["fine"].nunique() != len(table) or (rows["split"] == "test").sum() != tested:
        raise UserError(f"{raw} lacks products or photos that {data.coarse_map} names; fetch {ARCHIVE.name} again")
    train, test = (rows_of(rows[rows["split"] == split]) for split in ("train", "test"))
    yield from train_val_test(raw, train, test, data, scratch, whole_classes=True)

"""Online products, split 1: no product in both parts, 2,517 (25,368 photos) to train and 2,518 (25,278) to test.

Source: Feng and Patras, MaskCon (CVPR 2023). Their lists follow one rule, which ``chosen`` states. Validation takes
whole products out of training, since a few photos of each would leave most queries without a match.
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
FEWEST_PHOTOS = 8


def chosen(listed: pd.DataFrame) -> pd.DataFrame:
    """The photos of the split, with the columns fine and split.

    Of the products with at least 8 photos, in the order of the archive's lists (Ebay_train.txt, then Ebay_test.txt),
    the first half is to train and the second to test, the odd one too. Fine classes are numbered in that order.

    Args:
        listed: photos in the order of the lists, with the column class_id.
    """
    number = listed.groupby("class_id")["class_id"].transform("size")
    kept = listed[number >= FEWEST_PHOTOS]
    fine = pd.Series(pd.factorize(kept["class_id"])[0], index=kept.index)
    to_train = (fine.max() + 1) // 2
    return kept.assign(fine=fine, split=(fine < to_train).map({True: "train", False: "test"}))


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    rows = chosen(photos(raw))
    products = rows.drop_duplicates("fine")["product"].tolist()
    if products != read_coarse_table(Path(data.coarse_map))["fine_name"].tolist():
        raise UserError(
            f"{raw}: its products are not those of {data.coarse_map}, in that order; fetch {ARCHIVE.name} again"
        )
    train, test = (rows_of(rows[rows["split"] == split]) for split in ("train", "test"))
    yield from train_val_test(raw, train, test, data, scratch, whole_classes=True)

"""Stanford Online Products: 120,053 photos of 22,634 products in 12 categories. What sop_split1 and sop_split2 share.

Source: Song, Xiang, Jegelka and Savarese, Deep Metric Learning via Lifted Structured Feature Embedding (CVPR 2016),
https://cvgl.stanford.edu/projects/lifted_struct/. It was published by FTP; the address over HTTP is the one in
ChainerCV's reader, the checksum the one in pytorch-metric-learning's.
"""

from pathlib import Path

import pandas as pd

from maskcon.images.fetching.downloading import RemoteFile, fetch
from maskcon.images.fetching.unpacking import unpack
from maskcon.images.reading.published_photos import readable
from maskcon.parameters.errors import UserError

ARCHIVE = RemoteFile(
    "Stanford_Online_Products.zip",
    "http://ftp.cs.stanford.edu/cs/cvgl/Stanford_Online_Products.zip",
    "7f73d41a2f44250d4779881525aea32e",
)
FOLDER = "Stanford_Online_Products"
LISTS = ("Ebay_train.txt", "Ebay_test.txt")  # of the archive: image_id class_id super_class_id path


def download(root: Path, raw: Path) -> None:
    unpack(fetch(ARCHIVE, root), raw)


def photos(raw: Path) -> pd.DataFrame:
    """All photos in the order of the archive's lists.

    Returns:
        class_id, path (such as bicycle_final/111085122871_0.JPG), and from the path product (text) and number.

    Raises:
        UserError: a list is missing or has another form.
    """
    with readable(raw / FOLDER / " or ".join(LISTS), ARCHIVE):
        lists = [pd.read_csv(raw / FOLDER / name, sep=" ", usecols=["class_id", "path"]) for name in LISTS]
    listed = pd.concat(lists, ignore_index=True)
    parts = listed["path"].str.extract(r"^\w+_final/(?P<product>\d+)_(?P<number>\d+)\.JPG$")
    if parts["product"].isna().any():
        strange = listed["path"][parts["product"].isna()].iloc[0]
        raise UserError(
            f"{raw / FOLDER}: {strange!r} is not a CATEGORY_final/PRODUCT_NUMBER.JPG; fetch {ARCHIVE.name} again"
        )
    return pd.concat([listed, parts.astype({"number": int})], axis=1)


def rows_of(photos: pd.DataFrame) -> pd.DataFrame:
    """Rows with path and fine, by fine class and within it by the path's text."""
    rows = photos.sort_values(["fine", "path"], kind="stable", ignore_index=True)
    return pd.DataFrame({"path": FOLDER + "/" + rows["path"], "fine": rows["fine"]})

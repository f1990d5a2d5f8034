"""Stanford Online Products: the rule of split 1, the table of split 2, and both from an archive to packed sets."""

import numpy as np
import pandas as pd
import pytest

from maskcon.images.reading import online_products
from maskcon.images.sources import sop_split1, sop_split2
from maskcon.parameters.errors import UserError
from tests.images.small_archives import (
    REPOSITORY,
    assert_colours,
    download_and_pack,
    jpeg,
    preset,
    stand_in,
    write_files,
    write_zip,
)

CATEGORIES = ["bicycle", "cabinet", "chair", "coffee_maker", "fan", "kettle"]
CATEGORIES += ["lamp", "mug", "sofa", "stapler", "table", "toaster"]


def table(name):
    return pd.read_csv(REPOSITORY / "coarse_labels" / f"{name}.csv", dtype={"fine_name": str, "test_photos": str})


def listed(products):
    """Photos of products, (name, number of photos) each, in the order of the archive's lists."""
    names, counts = zip(*products, strict=True)
    return pd.DataFrame(
        {
            "class_id": np.repeat(np.arange(len(names)), counts),
            "product": np.repeat(names, counts),
            "number": np.concatenate([np.arange(count) for count in counts]),
        }
    )


def all_products():
    """Those of the table of split 1, in its order, with a smaller product after every third."""
    for place, row in enumerate(table("sop_split1").itertuples()):
        yield row.fine_name, row.photos
        if place % 3 == 0:
            yield f"small{place}", 2 + place % 6


def test_split_1_is_regenerated_by_its_rule():
    published = table("sop_split1")
    photos = sop_split1.chosen(listed(all_products()))
    products = photos.drop_duplicates("fine")
    for column, of_table in {"product": "fine_name", "fine": "fine", "split": "split"}.items():
        assert products[column].tolist() == published[of_table].tolist()
    assert photos.groupby("split").size().to_dict() == {"train": 25_368, "test": 25_278}
    assert published["photos"].between(8, 12).all()
    counts = published.groupby(["split", "coarse"]).size()
    assert counts["train"].tolist() == [347, 311, 242, 222, 131, 195, 299, 196, 93, 145, 180, 156]
    assert counts["test"].tolist() == [198, 348, 299, 185, 128, 207, 283, 224, 153, 135, 199, 159]
    assert published.drop_duplicates("coarse").sort_values("coarse")["coarse_name"].tolist() == CATEGORIES


def test_split_2_has_the_products_of_12_photos():
    first, second = table("sop_split1").query("photos == 12"), table("sop_split2")
    for column in ("fine_name", "coarse_name"):
        assert second[column].tolist() == first[column].tolist()
    photos = sop_split2.chosen(listed(all_products()), second)
    assert photos.groupby("split").size().to_dict() == {"train": 14_980, "test": 2996}
    assert (photos.groupby(["fine", "split"]).size().unstack() == [2, 10]).all(axis=None)


# Products of the small archive: category, product, photos; five in each of its two lists.
EBAY_TRAIN = [("bicycle", "11", 12), ("bicycle", "12", 3), ("chair", "13", 8), ("fan", "14", 12), ("fan", "15", 9)]
EBAY_TEST = [("bicycle", "21", 12), ("chair", "22", 12), ("coffee_maker", "23", 2), ("fan", "24", 11), ("mug", "25", 8)]
KEPT = ["11", "13", "14", "15", "21", "22", "24", "25"]


def shade_of(path):
    product, number = path.rpartition("/")[2].removesuffix(".JPG").split("_")
    return (10 * int(product) % 256, 20 * int(number), 128)


def archive_files():
    files, image_id, class_id = {}, 0, 0
    for name, products in {"Ebay_train.txt": EBAY_TRAIN, "Ebay_test.txt": EBAY_TEST}.items():
        lines = ["image_id class_id super_class_id path"]
        for category, product, number in products:
            class_id += 1
            for n in range(number):
                image_id += 1
                path = f"{category}_final/{product}_{n}.JPG"
                lines.append(f"{image_id} {class_id} {CATEGORIES.index(category) + 1} {path}")
                files[path] = jpeg(shade_of(path))
        files[name] = ("\n".join(lines) + "\n").encode()
    return {f"Stanford_Online_Products/{name}": file for name, file in files.items()}


def table_of(folder, kept):
    """A table of coarse labels of some products, in a file of its own."""
    category = {product: name for name, product, _ in EBAY_TRAIN + EBAY_TEST}
    names = pd.Series([category[product] for product in kept])
    columns = {"fine": range(len(kept)), "fine_name": kept, "coarse": pd.factorize(names, sort=True)[0]}
    table = pd.DataFrame(columns | {"coarse_name": names, "test_photos": "1 10"})
    table.to_csv(folder / "table.csv", index=False)
    return str(folder / "table.csv")


def write_archive(tmp_path, monkeypatch, files=None):
    write_zip(tmp_path / "source" / "Stanford_Online_Products.zip", files or archive_files())
    stand_in(monkeypatch, online_products, "ARCHIVE", tmp_path / "source")


def test_split_1_from_archive_to_packed_set(tmp_path, monkeypatch):
    data = preset("sop_split1", tmp_path, coarse_map=table_of(tmp_path, KEPT), val_share=0.25)
    write_archive(tmp_path, monkeypatch)
    packed = download_and_pack(data, tmp_path)
    tested = {"21": 12, "22": 12, "24": 11, "25": 8}
    assert packed["test"].fine_name.tolist() == [product for product, number in tested.items() for _ in range(number)]
    assert packed["test"].source[:4].tolist() == [
        f"Stanford_Online_Products/bicycle_final/21_{number}.JPG" for number in (0, 1, 10, 11)
    ]
    assert packed["test"].coarse_name[-1] == "mug"
    products = [set(packed[split].fine_name) for split in ("train", "val", "test")]
    assert [len(kept) for kept in products] == [3, 1, 4]
    assert set.union(*products) == set(KEPT)
    for part in packed.values():
        assert_colours(part, [shade_of(source) for source in part.source])
    table_of(tmp_path, KEPT[::-1])
    with pytest.raises(UserError, match=r"its products are not those of .*table\.csv"):
        list(sop_split1.splits(tmp_path / data.raw, data, tmp_path / "scratch"))


def test_split_2_from_archive_to_packed_set(tmp_path, monkeypatch):
    kept = ["11", "14", "21", "22"]
    data = preset("sop_split2", tmp_path, coarse_map=table_of(tmp_path, kept), val_share=0.0)
    write_archive(tmp_path, monkeypatch)
    packed = download_and_pack(data, tmp_path)
    assert packed["train"].fine_name.tolist() == [product for product in kept for _ in range(10)]
    assert packed["test"].source.tolist() == [
        f"Stanford_Online_Products/{folder}_final/{product}_{number}.JPG"
        for folder, product in [("bicycle", 11), ("fan", 14), ("bicycle", 21), ("chair", 22)]
        for number in (1, 10)
    ]
    for part in (packed["train"], packed["test"]):
        assert_colours(part, [shade_of(source) for source in part.source])
    other = data.model_copy(update={"coarse_map": str(REPOSITORY / "coarse_labels" / "sop_split1.csv")})
    with pytest.raises(UserError, match=r"sop_split1\.csv has no column test_photos"):
        list(sop_split2.splits(tmp_path, other, tmp_path / "scratch"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", r"Ebay_train\.txt or Ebay_test\.txt cannot be read"),
        (b"class_id path\n1 bicycle/7.png\n", r"'bicycle/7\.png' is not a CATEGORY_final/PRODUCT_NUMBER"),
    ],
)
def test_wrong_lists_are_named(tmp_path, content, said):
    files = {path: file for path, file in archive_files().items() if path.endswith(".txt")}
    write_files(tmp_path, files | {"Stanford_Online_Products/Ebay_train.txt": content})
    with pytest.raises(UserError, match=said):
        online_products.photos(tmp_path)

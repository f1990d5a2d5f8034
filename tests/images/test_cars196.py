"""Stanford Cars as its mirrors have it."""

import io
from dataclasses import replace
from hashlib import md5

import numpy as np
import pytest
from scipy.io import savemat

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.sources import cars196
from maskcon.parameters.errors import UserError
from tests.images.small_archives import (
    REPOSITORY,
    count_by_coarse,
    download_and_pack,
    jpeg,
    preset,
    write_files,
    write_tar,
)

TABLE = read_coarse_table(REPOSITORY / "coarse_labels" / "cars196.csv")
TRAIN = [14, 3, 196, 174, 14]  # classes, numbered from 1 as in the files
TEST = [196, 14, 1]


def colour(number):
    return (number, 255 - number, 40)


def annotations(classes):
    """A .mat file with one record per photo."""
    records = np.zeros((1, len(classes)), [("class", object), ("fname", object)])
    for place, number in enumerate(classes):
        records[0, place] = (np.uint8(number), f"{place + 1:05}.jpg")
    file = io.BytesIO()
    savemat(file, {"annotations": records})
    return file.getvalue()


def challenge(train=TRAIN, test=TEST):
    """The files, by folder or file name."""
    photos = {
        f"cars_{split}/{place:05}.jpg": jpeg(colour(number))
        for split, classes in {"train": train, "test": test}.items()
        for place, number in enumerate(classes, 1)
    }
    return photos | {
        "devkit/cars_train_annos.mat": annotations(train),
        "cars_test_annos_withlabels.mat": annotations(test),
    }


def packed_as_published(root, files):
    """The files in archives, as they were published."""
    for archive, folder in {"cars_train": "cars_train", "cars_test": "cars_test", "car_devkit": "devkit"}.items():
        write_tar(
            root / f"{archive}.tgz", {name: file for name, file in files.items() if name.startswith(folder + "/")}
        )
    write_files(root, {name: file for name, file in files.items() if "/" not in name})


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(cars196, "PHOTOS", {"train": len(TRAIN), "test": len(TEST)})
    return preset("cars196", tmp_path, val_share=0.0)


def take_checksums(monkeypatch, root):
    """Take the small files that lie in ``root`` for the published ones."""
    pieces = {
        name: replace(file, checksum=md5((root / file.name).read_bytes()).hexdigest())
        if (root / file.name).exists()
        else file
        for name, file in cars196.PIECES.items()
    }
    monkeypatch.setattr(cars196, "PIECES", pieces)


def check(packed):
    for split, classes in {"train": TRAIN, "test": TEST}.items():
        part = packed[split]
        assert sorted(part.fine + 1) == sorted(classes)
        assert part.coarse_name.tolist() == [TABLE["coarse_name"][fine] for fine in part.fine]
        for image, fine in zip(part.images, part.fine, strict=True):
            assert np.abs(image.astype(int) - colour(fine + 1)).max() <= 4
        assert part.images.shape[1:] == (40, 40, 3)
    assert len(packed["val"].fine) == 0


def test_archives_of_the_challenge(tmp_path, data, monkeypatch):
    packed_as_published(tmp_path / "source", challenge())
    take_checksums(monkeypatch, tmp_path / "source")
    packed = download_and_pack(data, tmp_path)
    check(packed)
    assert (packed["train"].fine + 1).tolist() == TRAIN


def test_folders_of_the_challenge(tmp_path, data, monkeypatch):
    """As torchvision asks for them; some mirrors have each folder of photos in a folder of the same name."""
    files = {name.replace("cars_train/", "cars_train/cars_train/"): file for name, file in challenge().items()}
    write_files(tmp_path / "source" / "stanford_cars", files)
    mat = "cars_test_annos_withlabels.mat"
    write_files(tmp_path / "checksums", {mat: files[mat]})
    take_checksums(monkeypatch, tmp_path / "checksums")
    check(download_and_pack(data, tmp_path))


def test_what_to_fetch_by_hand_is_said_where_a_piece_is_missing(tmp_path):
    write_files(tmp_path, {name: file for name, file in challenge().items() if "jpg" in name})
    with pytest.raises(UserError) as error:
        cars196.download(tmp_path, tmp_path / "raw")
    for said in ("is gone", "cars_train.tgz", "065e5b463ae28d29e77c1b4b166cfe61", "or unpacked: folders"):
        assert said in str(error.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cars_train/00002.jpg": None}, "cars_train has 4 of the 5 photos that cars_train_annos.mat lists"),
        ({"cars_test_annos_withlabels.mat": annotations(TEST[:2])}, "2 of the 2 photos .* expected 3"),
        ({"cars_test_annos_withlabels.mat": b"<html>"}, "withlabels.mat cannot be read"),
        ({"cars_test/00001.jpg": b"GIF"}, "cars_test/00001.jpg"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, data, changed, said):
    write_files(tmp_path / "raw", {name: file for name, file in (challenge() | changed).items() if file is not None})
    with pytest.raises(UserError, match=said):
        [list(part.images) for _, part in cars196.splits(tmp_path / "raw", data, tmp_path / "scratch")]


def test_8_body_types_with_their_counts():
    types = {"pick-up cab": 18, "sedan": 50, "SUV": 36, "convertible": 30, "coupe": 29, "hatchback": 14, "wagon": 6}
    assert count_by_coarse("cars196") == types | {"van": 13}
    body = dict(zip(TABLE["fine_name"], TABLE["coarse_name"], strict=True))
    assert body["Ford E-Series Wagon Van 2012"] == "van"
    assert body["Chevrolet HHR SS 2010"] == "SUV"  # by the photos: no word of its name tells it

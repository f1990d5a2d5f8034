"""Stanford Cars as its mirrors have it."""

import io

import numpy as np
import pytest
from scipy.io import savemat

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.sources import cars196
from maskcon.parameters.errors import UserError
from tests.images.small_archives import (
    REPOSITORY,
    assert_colours,
    download_and_pack,
    jpeg,
    preset,
    write_files,
    write_tar,
)

TABLE = read_coarse_table(REPOSITORY / "coarse_labels" / "cars196.csv")
CLASSES = {"train": [14, 3, 196, 174, 14], "test": [196, 14, 1]}  # numbered from 1 as in the files
TEST_LABELS = "cars_test_annos_withlabels.mat"


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


FILES = {
    f"cars_{split}/{place:05}.jpg": jpeg(colour(number))
    for split, classes in CLASSES.items()
    for place, number in enumerate(classes, 1)
}
FILES |= {"devkit/cars_train_annos.mat": annotations(CLASSES["train"]), TEST_LABELS: annotations(CLASSES["test"])}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(cars196, "PHOTOS", {split: len(classes) for split, classes in CLASSES.items()})
    monkeypatch.setattr(cars196, "present", lambda file, root: root / file.name)  # whatever its checksum
    return preset("cars196", tmp_path, val_share=0.0)


@pytest.mark.parametrize("form", ["archives", "folders"])
def test_from_a_mirror_to_packed_set(tmp_path, data, form):
    """Folders as torchvision asks for them; some mirrors have each folder of photos in a folder of the same name."""
    root = tmp_path / "source"
    if form == "archives":
        for archive, folder in {"cars_train": "cars_train", "cars_test": "cars_test", "car_devkit": "devkit"}.items():
            inside = {name: file for name, file in FILES.items() if name.startswith(folder + "/")}
            write_tar(root / f"{archive}.tgz", inside)
        write_files(root, {TEST_LABELS: FILES[TEST_LABELS]})
    else:
        files = {name.replace("cars_train/", "cars_train/cars_train/"): file for name, file in FILES.items()}
        write_files(root / "stanford_cars", files)
    packed = download_and_pack(data, tmp_path)
    for split, classes in CLASSES.items():
        part = packed[split]
        assert sorted(part.fine + 1) == sorted(classes)
        assert part.coarse_name.tolist() == [TABLE["coarse_name"][fine] for fine in part.fine]
        assert part.images.shape[1:] == (40, 40, 3)
        assert_colours(part, [colour(fine + 1) for fine in part.fine])
    assert len(packed["val"].fine) == 0


def test_what_to_fetch_by_hand_is_said_where_a_piece_is_missing(tmp_path):
    write_files(tmp_path, {name: file for name, file in FILES.items() if "jpg" in name})
    with pytest.raises(UserError) as error:
        cars196.download(tmp_path, tmp_path / "raw")
    for said in ("is gone", "cars_train.tgz", "065e5b463ae28d29e77c1b4b166cfe61", "or unpacked: folders"):
        assert said in str(error.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cars_train/00002.jpg": None}, "cars_train has 4 of the 5 photos that cars_train_annos.mat lists"),
        ({TEST_LABELS: annotations([196, 14])}, "2 of the 2 photos .* expected 3"),
        ({TEST_LABELS: b"<html>"}, "withlabels.mat cannot be read"),
        ({"cars_test/00001.jpg": b"GIF"}, "cars_test/00001.jpg"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, data, changed, said):
    write_files(tmp_path / "raw", {name: file for name, file in (FILES | changed).items() if file is not None})
    with pytest.raises(UserError, match=said):
        list(cars196.splits(tmp_path / "raw", data, tmp_path / "scratch"))

"""CIFAR-100 and the two splits of CIFARtoy, from archives in the form of the published ones."""

import pickle

import numpy as np
import pytest
from PIL import Image

from maskcon.images.reading import cifartoy
from maskcon.images.reading.cifar10_photos import write_photos
from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.sources import cifar100, cifartoy_bad, cifartoy_good
from maskcon.parameters.errors import UserError
from tests.images.small_archives import (
    REPOSITORY,
    download_and_pack,
    planar_batch,
    preset,
    stand_in,
    write_tar,
)

TABLE = REPOSITORY / "coarse_labels" / "cifar100.csv"
CIFAR_10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def write_cifar_100(root, files=None):
    """Four images of each class to train, one to test."""
    labels = {"train": [*range(100)] * 4, "test": [*range(99, -1, -1)]}
    batches = {name: planar_batch(label, "fine_labels") for name, label in labels.items()}
    batches |= {"meta": pickle.dumps({b"fine_label_names": [b"apple"]}, protocol=2)} | (files or {})
    write_tar(root / "cifar-100-python.tar.gz", {f"cifar-100-python/{name}": file for name, file in batches.items()})


def write_cifar_10(root):
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    files = {name: planar_batch([*range(10)] * 2, "labels") for name in names}
    write_tar(root / "cifar-10-python.tar.gz", {f"cifar-10-batches-py/{name}": file for name, file in files.items()})


def test_cifar_100_from_archive_to_packed_set(tmp_path, monkeypatch):
    data = preset("cifar100", tmp_path, val_share=0.5)
    write_cifar_100(tmp_path / "source")
    stand_in(monkeypatch, cifar100, "ARCHIVE", tmp_path / "source")
    packed, table = download_and_pack(data, tmp_path), read_coarse_table(TABLE)
    assert {split: len(part.fine) for split, part in packed.items()} == {"train": 200, "val": 200, "test": 100}
    assert packed["test"].fine.tolist() == [*range(99, -1, -1)]
    for part in packed.values():
        assert set(part.fine) == {*range(100)}
        assert part.coarse.tolist() == table["coarse"][part.fine].tolist()
        assert (part.images[..., 0] == part.fine[:, None, None]).all()  # the planes stay red, green, blue
        assert (part.images[..., 2] == np.arange(32)[:, None]).all()  # and rows rows
    places = [source.split() for source in packed["test"].source]
    assert places == [["test", str(place)] for place in range(100)]
    used = sorted(int(source.split()[1]) for split in ("train", "val") for source in packed[split].source)
    assert used == [*range(400)]
    assert (packed["train"].fine_name[packed["train"].fine == 0] == "apple").all()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"train": planar_batch([1, 2], "labels")}, "fine_labels"),
        ({"test": pickle.dumps({b"data": np.zeros((2, 5), np.uint8), b"fine_labels": [0, 1]}, protocol=2)}, "3072"),
        ({"test": b"\x80"}, "not the pickle of a data set"),
    ],
)
def test_a_wrong_batch_is_named(tmp_path, monkeypatch, files, said):
    data = preset("cifar100", tmp_path)
    write_cifar_100(tmp_path / "source", files)
    stand_in(monkeypatch, cifar100, "ARCHIVE", tmp_path / "source")
    with pytest.raises(UserError, match=f"cifar-100-python/{next(iter(files))} .*{said}.*fetch it again"):
        download_and_pack(data, tmp_path)


@pytest.mark.parametrize(
    ("module", "groups"),
    [
        (cifartoy_good, [{"airplane", "automobile", "ship", "truck"}, {"bird", "cat", "dog", "horse"}]),
        (cifartoy_bad, [{"airplane", "automobile", "dog", "cat"}, {"ship", "truck", "bird", "horse"}]),
    ],
)
def test_cifartoy_from_archive_to_packed_set(tmp_path, monkeypatch, module, groups):
    """Ten classes are equally frequent in CIFAR-10's 50,000 + 10,000, so that eight make 40,000 + 8,000."""
    name = module.__name__.rpartition(".")[2]
    data = preset(name, tmp_path)
    write_cifar_10(tmp_path / "source")
    stand_in(monkeypatch, cifartoy, "ARCHIVE", tmp_path / "source")
    packed = download_and_pack(data, tmp_path)
    assert {split: len(part.fine) for split, part in packed.items()} == {"train": 64, "val": 16, "test": 16}
    for part in packed.values():
        shown = [CIFAR_10[image[0, 0, 0]] for image in part.images]
        assert shown == part.fine_name.tolist()
        assert all(name in groups[coarse] for name, coarse in zip(shown, part.coarse, strict=True))
    assert {batch.split()[0] for batch in packed["train"].source} == {f"data_batch_{number}" for number in range(1, 6)}


def test_cifar_10_as_a_folder_of_photos(tmp_path, monkeypatch):
    write_cifar_10(tmp_path / "source")
    stand_in(monkeypatch, cifartoy, "ARCHIVE", tmp_path / "source")
    folder = tmp_path / "photos"
    assert write_photos(tmp_path / "source", folder, {"train": 3, "test": 1}) == 40
    assert sorted(path.name for path in (folder / "train/animal/cat").iterdir()) == [f"000{n}.png" for n in range(3)]
    assert {path.name for path in (folder / "test/vehicle").iterdir()} == {"airplane", "automobile", "ship", "truck"}
    assert np.array(Image.open(folder / "test/vehicle/ship/0000.png"))[0, 0, 0] == CIFAR_10.index("ship")
    assert {path.name for path in folder.iterdir()} == {"train", "test"}
    with pytest.raises(UserError, match="is not empty"):
        write_photos(tmp_path / "source", folder, {"train": 3, "test": 1})

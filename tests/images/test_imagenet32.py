"""The downsampled ImageNet, from archives in the form of the published ones."""

import pandas as pd
import pytest

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.sources import imagenet32
from maskcon.parameters.errors import UserError
from tests.images.small_archives import (
    REPOSITORY,
    download_and_pack,
    planar_batch,
    preset,
    write_zip,
)

BATCHES = {f"train_data_batch_{number}": [number, 1000, 500 + number] for number in range(1, 11)}
TEST = {"val_data": [1, 2, 1000]}
TABLE = REPOSITORY / "coarse_labels" / "imagenet32.csv"
LABEL = pd.read_csv(TABLE)["archive_label"].tolist()  # by fine class


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(imagenet32, "IMAGES", {"train": 30, "val": 3})
    return preset("imagenet32", tmp_path, val_share=0.0)


def write_archives(root, labels, folder=""):
    for part, published in {"train": BATCHES, "val": TEST}.items():
        batches = {f"{folder}{name}": labels[name] for name in published if name in labels}
        files = {name: planar_batch(batch, "labels", python_2=False) for name, batch in batches.items()}
        write_zip(root / f"Imagenet32_{part}.zip", files)


@pytest.mark.parametrize("folder", ["", "Imagenet32/"])
def test_from_the_two_archives(tmp_path, data, folder):
    write_archives(tmp_path / "source", BATCHES | TEST, folder)
    packed = download_and_pack(data, tmp_path)
    labels = [label for batch in BATCHES.values() for label in batch]
    assert [LABEL[fine] for fine in packed["train"].fine] == labels
    assert packed["train"].images[:, 0, 0, 0].tolist() == [label % 251 for label in labels]
    assert packed["train"].source[-1] == "train_data_batch_10 2"
    assert packed["test"].fine_name.tolist()[:2] == ["kit fox", "English setter"]
    assert packed["test"].coarse_name.tolist()[:2] == ["wild mammal", "dog or cat"]
    assert len(packed["val"].fine) == 0


def test_what_to_fetch_by_hand_is_said(tmp_path, data):
    with pytest.raises(UserError) as error:
        imagenet32.download(tmp_path / "source", tmp_path / "raw")
    for said in ("Imagenet32_train.zip", "Imagenet32_val.zip", "image-net.org", "account", str(tmp_path / "source")):
        assert said in str(error.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train_data_batch_3": [1]}, "28 images .* expected 30"),
        ({"train_data_batch_3": [0, 1, 2]}, "labels from 0 to 1000, expected 30 from 1 to 1000"),
        ({"val_data": [1, 2, 1001]}, "labels from 1 to 1001"),
        ({"train_data_batch_7": None}, r"has no train_data_batch_7; put the whole Imagenet32_train\.zip"),
    ],
)
def test_other_images_than_the_sets_are_refused(tmp_path, data, changed, said):
    labels = {name: batch for name, batch in (BATCHES | TEST | changed).items() if batch}
    write_archives(tmp_path / "source", labels)
    with pytest.raises(UserError, match=said):
        download_and_pack(data, tmp_path)


def test_labels_are_numbered_as_in_the_development_kit():
    assert sorted(LABEL) == [*range(1, 1001)]
    first = [278, 212, 250, 193, 217, 147, 387, 285, 350, 283, 286, 353, 334, 150, 249, 362, 246, 166, 218, 172]
    assert [LABEL.index(label) for label in range(1, 21)] == first


def test_classes_are_named_as_torchvision_names_them():
    from torchvision.models import ResNet18_Weights

    assert read_coarse_table(TABLE)["fine_name"].tolist() == ResNet18_Weights.DEFAULT.meta["categories"]

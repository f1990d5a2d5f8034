"""The downsampled ImageNet, from archives in the form of the published ones."""

import pandas as pd
import pytest

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.sources import imagenet32
from maskcon.parameters.errors import UserError
from tests.images.small_archives import (
    REPOSITORY,
    count_by_coarse,
    download_and_pack,
    planar_batch,
    preset,
    write_files,
    write_zip,
)

BATCHES = {f"train_data_batch_{number}": [number, 1000, 500 + number] for number in range(1, 11)}
TEST = {"val_data": [1, 2, 1000]}
TABLE = REPOSITORY / "coarse_labels" / "imagenet32.csv"
LABEL = pd.read_csv(TABLE)["archive_label"].tolist()  # by fine class


def batches(labels):
    return {name: planar_batch(label, "labels", python_2=False) for name, label in labels.items()}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(imagenet32, "IMAGES", {"train": 30, "val": 3})
    return preset("imagenet32", tmp_path, val_share=0.0)


def check(packed):
    labels = [label for batch in BATCHES.values() for label in batch]
    assert [LABEL[fine] for fine in packed["train"].fine] == labels
    assert packed["train"].images[:, 0, 0, 0].tolist() == [label % 251 for label in labels]
    assert packed["train"].source[-1] == "train_data_batch_10 2"
    assert packed["test"].fine_name.tolist()[:2] == ["kit fox", "English setter"]
    assert packed["test"].coarse_name.tolist()[:2] == ["wild mammal", "dog or cat"]
    assert len(packed["val"].fine) == 0


@pytest.mark.parametrize("folder", ["", "Imagenet32/"])
def test_from_the_two_archives(tmp_path, data, folder):
    for name, labels in {"train": BATCHES, "val": TEST}.items():
        files = {f"{folder}{batch}": content for batch, content in batches(labels).items()}
        write_zip(tmp_path / "source" / f"Imagenet32_{name}.zip", files)
    check(download_and_pack(data, tmp_path))


@pytest.mark.parametrize("same_disk", [True, False])
def test_from_unpacked_files_without_a_second_copy_on_one_disk(tmp_path, data, monkeypatch, same_disk):
    def refuse(*_):
        raise OSError("another disk")

    if not same_disk:
        monkeypatch.setattr("os.link", refuse)
    write_files(tmp_path / "source" / "imagenet" / "train", batches(BATCHES))
    write_files(tmp_path / "source", batches(TEST))
    check(download_and_pack(data, tmp_path))
    kept, brought = tmp_path / "source" / "val_data", tmp_path / "data/raw/imagenet32/val/val_data"
    assert kept.samefile(brought) == same_disk
    assert kept.read_bytes() == brought.read_bytes()


def test_validation_is_a_share_of_every_class(tmp_path, data):
    write_files(tmp_path / "source", batches(BATCHES) | batches(TEST))
    packed = download_and_pack(data.model_copy(update={"val_share": 0.2}), tmp_path)
    assert [LABEL[fine] for fine in packed["val"].fine] == [1000] * 2  # of ten; the others have one image each
    assert len(packed["train"].fine) == 28


def test_what_to_fetch_by_hand_is_said(tmp_path, data):
    write_files(tmp_path / "source", batches({name: BATCHES[name] for name in list(BATCHES)[1:]}))
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
    ],
)
def test_other_images_than_the_sets_are_refused(tmp_path, data, changed, said):
    write_files(tmp_path / "source", batches(BATCHES | TEST | changed))
    with pytest.raises(UserError, match=said):
        download_and_pack(data, tmp_path)


def test_an_archive_that_lacks_a_batch_is_refused(tmp_path, data):
    shortened = {name: labels for name, labels in BATCHES.items() if name != "train_data_batch_7"}
    write_zip(tmp_path / "source" / "Imagenet32_train.zip", batches(shortened))
    write_files(tmp_path / "source", batches(TEST))
    with pytest.raises(UserError, match=r"has no train_data_batch_7; put the whole Imagenet32_train\.zip"):
        download_and_pack(data, tmp_path)


def test_a_table_of_its_own_keeps_the_column_of_labels(tmp_path, data):
    write_files(tmp_path / "source", batches(BATCHES | TEST))
    (tmp_path / "own.csv").write_text("fine,fine_name,coarse,coarse_name\n0,tench,0,all\n")
    with pytest.raises(UserError, match=r"own\.csv has no column archive_label"):
        download_and_pack(data.model_copy(update={"coarse_map": str(tmp_path / "own.csv")}), tmp_path)


def test_labels_are_numbered_as_in_the_development_kit():
    assert sorted(LABEL) == [*range(1, 1001)]
    first = [278, 212, 250, 193, 217, 147, 387, 285, 350, 283, 286, 353, 334, 150, 249, 362, 246, 166, 218, 172]
    assert [LABEL.index(label) for label in range(1, 21)] == first


def test_12_coarse_classes_with_their_counts():
    counts = [61, 123, 59, 95, 60, 130, 70, 53, 105, 71, 93, 80]
    assert list(count_by_coarse("imagenet32").values()) == counts


def test_classes_are_named_as_torchvision_names_them():
    from torchvision.models import ResNet18_Weights

    assert read_coarse_table(TABLE)["fine_name"].tolist() == ResNet18_Weights.DEFAULT.meta["categories"]

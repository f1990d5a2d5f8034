"""Tiny ImageNet from an archive in the form of the published one, and the grouping of its classes."""

import numpy as np
import pandas as pd
import pytest

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.sources import tinyimagenet
from maskcon.parameters.errors import UserError
from tests.images.small_archives import (
    REPOSITORY,
    count_by_coarse,
    download_and_pack,
    jpeg,
    preset,
    stand_in,
    write_zip,
)

TABLE = REPOSITORY / "coarse_labels" / "tinyimagenet.csv"
WNIDS = pd.read_csv(TABLE)["wnid"].tolist()


def shade(wnid):
    return (WNIDS.index(wnid), 255 - WNIDS.index(wnid), 60)


TESTED = WNIDS[::-4]


def files_of_archive(tested=TESTED):
    """A photo to train of each class, and one to test of each of ``tested``, of which the first is grey."""
    box = "0\t0\t63\t63"
    files = {"wnids.txt": "\n".join(WNIDS[::-1]).encode(), "words.txt": b"n01443537\tgoldfish, Carassius auratus\n"}
    for wnid in WNIDS:
        files[f"train/{wnid}/{wnid}_boxes.txt"] = f"{wnid}_0.JPEG\t{box}\n".encode()
        files[f"train/{wnid}/images/{wnid}_0.JPEG"] = jpeg(shade(wnid), 64, 64)
    lines = []
    for place, wnid in enumerate(tested):
        files[f"val/images/val_{place}.JPEG"] = jpeg(shade(wnid), 64, 64, mode="L" if place == 0 else "RGB")
        lines.append(f"val_{place}.JPEG\t{wnid}\t{box}\n")
    files["val/val_annotations.txt"] = "".join(lines).encode()
    files["test/images/test_0.JPEG"] = jpeg((1, 2, 3), 64, 64)
    return {f"tiny-imagenet-200/{name}": file for name, file in files.items()}


def write_archive(tmp_path, monkeypatch, files):
    write_zip(tmp_path / "source" / "tiny-imagenet-200.zip", files)
    stand_in(monkeypatch, tinyimagenet, "ARCHIVE", tmp_path / "source")


def test_from_archive_to_packed_set(tmp_path, monkeypatch):
    data = preset("tinyimagenet", tmp_path, val_share=0.0)
    write_archive(tmp_path, monkeypatch, files_of_archive())
    packed = download_and_pack(data, tmp_path)
    assert packed["train"].fine.tolist() == [*range(200)]
    assert packed["test"].fine.tolist() == [WNIDS.index(wnid) for wnid in TESTED]
    table = read_coarse_table(TABLE)
    for part, first in [(packed["train"], 0), (packed["test"], 1)]:
        assert part.images.shape[1:] == (64, 64, 3)
        assert part.coarse.tolist() == table["coarse"][part.fine].tolist()
        shown = part.images[first:, 0, 0].astype(int)
        assert np.abs(shown - [shade(WNIDS[fine]) for fine in part.fine[first:]]).max() <= 4
    assert np.ptp(packed["test"].images[0], axis=-1).max() == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("val/val_annotations.txt", b"", "cannot be read"),
        ("val/val_annotations.txt", b"val_0.JPEG\tn99999999\n", "not those of the classes in wnids.txt"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, monkeypatch, name, content, said):
    files = files_of_archive() | {f"tiny-imagenet-200/{name}": content}
    write_archive(tmp_path, monkeypatch, files)
    with pytest.raises(UserError, match=said) as error:
        download_and_pack(preset("tinyimagenet", tmp_path), tmp_path)
    assert "fetch tiny-imagenet-200.zip again" in str(error.value)


def test_each_class_is_one_of_imagenets_and_named_as_there():
    names = read_coarse_table(REPOSITORY / "coarse_labels" / "imagenet32.csv")["fine_name"].tolist()
    places = [names.index(name) for name in read_coarse_table(TABLE)["fine_name"]]
    assert places == sorted(set(places))  # identifiers are sorted in both


def test_16_groups():
    assert list(count_by_coarse("tinyimagenet").values()) == [6, 10, 13, 4, 9, 7, 10, 15, 26, 21, 14, 9, 25, 8, 18, 5]

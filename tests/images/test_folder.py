import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from maskcon.images.packed.left_out import LeftOut
from maskcon.images.reading.coarse_labels import label_part
from maskcon.images.sources.folder import splits
from maskcon.parameters.errors import UserError
from tests.images.small_archives import preset

SUFFIXES = ["jpg", "png", "webp", "gif", "bmp", "tiff"]


@pytest.fixture
def settings(tmp_path):
    return lambda **changes: preset("folder", tmp_path, **{"stored": None, "height": 8, "width": 10} | changes)


def photograph(path, number=0):
    """A photo of its own size and grey, in the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (20 + number, 30), number % 250).convert("RGB").save(path)


def fill(root, counts):
    """Photos in folders, {folder: number}."""
    number = 0
    for folder, several in counts.items():
        for index in range(several):
            photograph(root / folder / f"{index:03}.{SUFFIXES[index % 6]}", number)
            number += 1
    return root


def packed(root, data, tmp_path):
    """Split -> (labels, images), and what was left out."""
    result, left_out = {}, []
    for split, part in splits(root, data, tmp_path / "scratch"):
        images = np.concatenate([*part.images, np.empty((0, *data.stored_size, 3), np.uint8)])
        result[split] = (part.labels, images)
        left_out += part.left_out
    return result, left_out


def test_parts_that_the_folder_has(tmp_path, settings):
    counts = {
        f"{split}/{fine}": 3 for split in ("train", "val", "test") for fine in ("bird/wren", "bird/tit", "cat/lion")
    }
    result, left_out = packed(fill(tmp_path / "photos", counts), settings(), tmp_path)
    assert left_out == []
    assert list(result) == ["train", "val", "test"]
    for split, (labels, images) in result.items():
        assert len(labels) == len(images) == 9
        assert images.shape[1:] == (8, 10, 3)
        assert sorted(labels["source"]) == list(labels["source"])
        for row, image in zip(labels.itertuples(), images, strict=True):
            _, coarse, fine, _ = Path(row.source).parts
            assert row.source.startswith(f"{split}/")
            assert (row.coarse_name, row.fine_name) == (coarse, fine)
            assert row.coarse == ["bird", "cat"].index(coarse)
            assert row.fine == ["lion", "tit", "wren"].index(fine)
            assert row.height == 30
            assert abs(int(image.mean()) - (row.width - 20)) <= 2  # the photo of this row


def test_parts_drawn_by_seed(tmp_path, settings):
    root = fill(tmp_path / "photos", {"bird/wren": 20, "bird/tit": 10, "cat/lion": 5, "cat/lynx": 3})
    result, _ = packed(root, settings(), tmp_path)
    counts = {split: Counter(labels["fine_name"]) for split, (labels, _) in result.items()}
    assert counts["test"] == {"wren": 4, "tit": 2, "lion": 2}
    assert counts["val"] == {"wren": 2, "tit": 2}
    assert counts["train"] == {"wren": 14, "tit": 6, "lion": 3, "lynx": 3}
    sources = [source for labels, _ in result.values() for source in labels["source"]]
    assert len(sources) == len(set(sources)) == 38

    again, _ = packed(root, settings(), tmp_path / "again")
    other, _ = packed(root, settings(seed=1), tmp_path / "other")
    for split in result:
        assert again[split][0].equals(result[split][0])
        assert (again[split][1] == result[split][1]).all()
    assert list(other["test"][0]["source"]) != list(result["test"][0]["source"])
    assert other["test"][0]["fine_name"].tolist() == result["test"][0]["fine_name"].tolist()


def test_coarse_classes_from_a_table(tmp_path, settings, capsys):
    root = fill(tmp_path / "photos", {"wren": 4, "lion": 4, "deer": 4, "frog": 2})
    (tmp_path / "map.csv").write_text('fine_name,coarse_name\nwren,"a, b"\nlion,cat\ndeer,\nfrog,\n')
    result, left_out = packed(root, settings(coarse_map=str(tmp_path / "map.csv")), tmp_path)
    assert set(result["train"][0]["fine_name"]) == {"lion", "wren"}
    assert set(result["train"][0]["coarse_name"]) == {"a, b", "cat"}
    assert left_out == [
        LeftOut("deer", 4, "has no coarse class in data.coarse_map"),
        LeftOut("frog", 2, "has no coarse class in data.coarse_map"),
    ]
    [warning] = capsys.readouterr().err.splitlines()
    assert warning.startswith(
        "warning: fine classes without coarse class in data.coarse_map (2): deer with 4 photos, frog with 2 photos; "
    )


@pytest.mark.fault
def test_photos_that_cannot_be_read_are_left_out_where_that_is_wanted(tmp_path, settings):
    root = fill(tmp_path / "photos", {"bird": 6, "cat": 6})
    (root / "bird" / "broken.jpg").write_bytes(b"")
    (root / "cat" / "page.jpg").write_text("<html></html>")
    os.mkfifo(root / "cat" / "pipe.jpg")
    (root / "cat" / "round.jpg").symlink_to("round.jpg")
    with pytest.raises(
        UserError,
        match=r"photos that cannot be read \(4\): bird/broken\.jpg is empty, cat/page\.jpg is not an image"
        r'.*make params SET="\(your values\) data\.on_bad_image=skip", or dvc exp run',
    ):
        packed(root, settings(), tmp_path)
    result, left_out = packed(root, settings(on_bad_image="skip"), tmp_path)
    assert left_out == [
        LeftOut("bird/broken.jpg", 1, "is empty"),
        LeftOut("cat/page.jpg", 1, "is not an image of a known format"),
        LeftOut("cat/pipe.jpg", 1, "is not a file"),
        LeftOut("cat/round.jpg", 1, "cannot be read (Too many levels of symbolic links)"),
    ]
    assert sum(len(labels) for labels, _ in result.values()) == 12
    for labels, images in result.values():
        assert [int(image.mean()) for image in images] == pytest.approx(labels["width"] - 20, abs=2)


@pytest.mark.fault
def test_all_that_is_wrong_is_told_at_once(tmp_path, settings):
    root = fill(
        tmp_path / "photos",
        {
            "train/bird/crane": 3,
            "test/machine/crane": 2,
            "train/machine/saw": 3,
            "train/plant/rose": 1,
            "test/bird/crane": 2,
            "test/stone/flint": 1,
        },
    )
    (root / "train/bird/crane/bad.jpg").write_bytes(b"")
    photograph(root / "train/bird/astray.jpg")
    with pytest.raises(UserError) as raised:
        packed(root, settings(), tmp_path)
    first, *lines = str(raised.value).splitlines()
    assert first == f"the photos of data.root={root} cannot be used yet"
    assert [line.split(";")[0] for line in lines] == [
        "photos that do not lie as split/coarse/fine/photo (1): train/bird/astray.jpg",
        "photos that cannot be read (1): train/bird/crane/bad.jpg is empty",
        "fine classes in more than one coarse class (1): crane (bird, machine)",
        "coarse classes without photo in train (1): stone",
        "warning: coarse classes with one photo (2): plant, stone",
        "warning: fine classes with one photo (2): flint, rose",
        "warning: coarse classes without photo in test (1): plant",
    ]


@pytest.mark.fault
def test_classes_too_small_to_be_measured_are_told_and_gone_on_with(tmp_path, settings, capsys):
    """Twelve photos to test, of which one lion and the only lynx have no other of their class there."""
    root = fill(
        tmp_path / "photos",
        {"train/bird/wren": 8, "train/cat/lion": 3, "train/plant/rose": 1}
        | {"test/bird/wren": 10, "test/cat/lion": 1, "test/cat/lynx": 1},
    )
    result, _ = packed(root, settings(val_share=0.0), tmp_path)
    assert {split: len(labels) for split, (labels, _) in result.items()} == {"train": 12, "val": 0, "test": 12}
    warnings = capsys.readouterr().err.splitlines()
    assert [line.split(";")[0] for line in warnings] == [
        "warning: coarse classes with one photo (1): plant",
        "warning: fine classes with one photo (2): lynx, rose",
        "warning: fine classes with one photo in test (1): lion",
        "warning: coarse classes without photo in test (1): plant",
    ]
    assert "a miss at every K" in warnings[1]
    assert "fine Recall@K of test is at most 83.3%" in warnings[2]  # 10 of 12
    assert "says nothing about them" in warnings[3]


def table_of(root, **columns):
    """Photos in folder x, with what labels.csv says of them."""
    fill(root, {"x": len(columns["coarse"])})
    paths = sorted(f"x/{path.name}" for path in (root / "x").iterdir())
    pd.DataFrame({"path": paths} | columns).to_csv(root / "labels.csv", index=False)
    return root


def test_fine_classes_of_some_photos_only(tmp_path, settings, capsys):
    fine = ["", "", "", "", "wren", "wren", "tit", "lion", "", "", "", ""]
    split = ["train"] * 4 + ["test"] * 6 + ["val"] * 2
    root = table_of(tmp_path / "photos", coarse=[*"bbccbbbcbbcc"], fine=fine, split=split)
    result, _ = packed(root, settings(), tmp_path)
    warnings = capsys.readouterr().err.splitlines()
    assert "warning: 8 of 12 photos have no fine class; in val and test the others are measured" in warnings[0]
    table = label_part(result["test"][0], tmp_path).to_csv(index=False).splitlines()
    expected = [["2", "wren"], ["2", "wren"], ["1", "tit"], ["0", "lion"], ["", ""], ["", ""]]
    assert [line.split(",")[2:4] for line in table[1:]] == expected
    assert (label_part(result["train"][0], tmp_path)["fine_name"] == "").all()


@pytest.mark.parametrize(("with_fine", "in_test", "measured"), [(3, 4, 3), (7, 7, 7), (9, 4, 4), (0, 4, 0)])
def test_photos_with_fine_classes_are_drawn_for_the_test_first(tmp_path, settings, with_fine, in_test, measured):
    fine = ["wren"] * with_fine + [""] * (40 - with_fine)
    root = table_of(tmp_path / "photos", coarse=["bird"] * 20 + ["cat"] * 20, fine=fine)
    result, _ = packed(root, settings(), tmp_path)
    birds = result["test"][0].query("coarse_name == 'bird'")
    assert (len(birds), int((birds.get("fine_name", pd.Series()) == "wren").sum())) == (in_test, measured)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("counts", "bad", "changes", "said"),
    [
        ({"bird": 3, "cat": 3}, [], {}, r"the part test has 0 photos, and two .*classes with 4 or more"),
        ({}, ["a", "b"], {"on_bad_image": "skip"}, r"cannot be used yet\nno photo can be read; add some$"),
        ({}, ["a", "b"], {}, r"cannot be used yet\nphotos that cannot be read \(2\): a/x\.jpg .*$"),
    ],
)
def test_too_few_photos(tmp_path, settings, counts, bad, changes, said):
    fill(tmp_path / "photos", counts)
    for name in bad:
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "x.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=said):
        packed(tmp_path / "photos", settings(**changes), tmp_path)


@pytest.mark.fault
def test_a_gap_in_a_table_of_labels(tmp_path, settings):
    root = table_of(tmp_path / "photos", coarse=[*"aaaaa", ""], fine=["f", "", "g", "g", "g", ""])
    with pytest.raises(UserError, match=r"photos without coarse class \(1\): x/005\.tiff; give it"):
        packed(root, settings(), tmp_path)

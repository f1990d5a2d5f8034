import tracemalloc

import numpy as np
import pandas as pd
import pytest

from maskcon.images.packed.image_set import (
    read_images,
    read_labelled_set,
    read_training_set,
    write_set,
)
from maskcon.parameters.errors import UserError

NUMBER = 6
IMAGES = np.random.default_rng(0).integers(0, 256, (NUMBER, 4, 5, 3), dtype=np.uint8)


def labels(fine=True):
    fine_classes = [3, 0, 1, 2, 0, 3]
    return pd.DataFrame(
        {
            "coarse": [1, 0, 0, 1, 0, 1],
            "coarse_name": ["NA", "animal, small", "animal, small", "NA", "animal, small", "NA"],
            "fine": fine_classes if fine else "",
            "fine_name": [f"{c:02}" for c in fine_classes] if fine else "",
            "source": ["None", "b.png", "c.png", "d.png", "ć.png", "7"],
            "width": 5,
            "height": 4,
        }
    )


@pytest.fixture
def folder(tmp_path):
    write_set(tmp_path / "set", labels(), [IMAGES], 4, 5)
    return tmp_path / "set"


def test_round_trip_for_training(folder):
    training_set = read_training_set(folder)
    assert (training_set.images == IMAGES).all()
    assert training_set.coarse.tolist() == [1, 0, 0, 1, 0, 1]
    assert training_set.coarse.dtype == np.int64
    assert training_set.coarse_names == ["animal, small", "NA"]
    assert isinstance(training_set.images, np.memmap)
    assert not training_set.images.flags.writeable


def test_round_trip_with_all_labels(folder):
    labelled = read_labelled_set(folder)
    assert (labelled.images == IMAGES).all()
    for column in ("coarse", "coarse_name", "fine", "fine_name", "source"):
        assert getattr(labelled, column).tolist() == labels()[column].tolist(), column
    assert labelled.fine.dtype == labelled.coarse.dtype == np.int64


def test_the_file_is_the_one_that_numpy_writes_whatever_the_chunks(folder, tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    assert (folder / "images.npy").read_bytes() == (tmp_path / "images.npy").read_bytes()
    write_set(tmp_path / "again", labels(), [IMAGES[:1], IMAGES[1:1], IMAGES[1:]], 4, 5)
    for file in ("images.npy", "labels.csv"):
        assert (folder / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_without_fine_labels(tmp_path):
    write_set(tmp_path / "set", labels(fine=False), [IMAGES], 4, 5)
    labelled = read_labelled_set(tmp_path / "set")
    assert labelled.fine is None
    assert labelled.fine_name is None
    assert labelled.coarse.tolist() == [1, 0, 0, 1, 0, 1]
    assert read_training_set(tmp_path / "set").coarse.tolist() == [1, 0, 0, 1, 0, 1]


def test_training_does_not_open_the_fine_columns(folder):
    """They may be absent, permuted, or not even parse: nothing changes."""
    before = read_training_set(folder)
    variants = [
        labels().drop(columns=["fine", "fine_name"]),
        labels().assign(fine=[0, 1, 2, 3, 0, 1], fine_name="x"),
        labels().assign(fine="not a number"),
    ]
    for variant in variants:
        variant.to_csv(folder / "labels.csv", index=False)
        after = read_training_set(folder)
        assert after.digest() == before.digest()
        assert (after.coarse == before.coarse).all()
        assert not hasattr(after, "fine")


def test_digest_tells_images_and_coarse_labels(tmp_path, folder):
    def digest(images, table):
        write_set(tmp_path / "other", table, [images], 4, 5)
        return read_training_set(tmp_path / "other").digest()

    one_pixel = IMAGES.copy()
    one_pixel[3, 2, 1, 0] ^= 1
    swapped = labels().assign(coarse=[0, 1, 0, 1, 0, 1], coarse_name=["b", "a", "b", "a", "b", "a"])
    renamed = labels().assign(coarse_name=["b", "a", "a", "b", "a", "b"])
    digests = [digest(IMAGES, labels()), digest(one_pixel, labels()), digest(IMAGES, swapped), digest(IMAGES, renamed)]
    assert digests[0] == read_training_set(folder).digest()
    assert len(set(digests)) == 4


def test_stretch_tells_how_photos_were_squashed(tmp_path, folder):
    assert read_training_set(folder).stretch is None
    plain = read_training_set(folder).digest()
    photos = labels().assign(width=[5, 10, 5, 500, 50, 15], height=[4, 4, 8, 400, 10, 3])
    write_set(folder, photos, [IMAGES], 4, 5)
    squashed = read_training_set(folder)
    assert squashed.stretch.tolist() == [1, 2, 0.5, 1, 4, 4]
    assert squashed.digest() != plain


def save(file, array):
    np.save(file, array, allow_pickle=True)


FAULTS = {
    "no images": lambda folder: (folder / "images.npy").unlink(),
    "no labels": lambda folder: (folder / "labels.csv").unlink(),
    "truncated": lambda folder: (folder / "images.npy").write_bytes((folder / "images.npy").read_bytes()[:-7]),
    "objects": lambda folder: save(folder / "images.npy", np.array([{"a": 1}] * NUMBER)),
    "one image less": lambda folder: save(folder / "images.npy", IMAGES[1:]),
    "no coarse column": lambda folder: labels().drop(columns="coarse").to_csv(folder / "labels.csv", index=False),
    "text for coarse": lambda folder: labels().assign(coarse="animal").to_csv(folder / "labels.csv", index=False),
    "one coarse value missing": lambda folder: (
        labels().assign(coarse=["1", "0", "", "1", "0", "1"]).to_csv(folder / "labels.csv", index=False)
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_set_gives_a_sentence(folder, fault):
    FAULTS[fault](folder)
    for read in (read_training_set, read_labelled_set):
        with pytest.raises(UserError, match=r"set.*(dvc repro -f coarse|coarse labels)") as raised:
            read(folder)
        assert "\n" not in str(raised.value)


def test_some_fine_labels_missing_count_as_none(folder):
    labels().assign(fine=["3", "", "1", "2", "0", "3"]).to_csv(folder / "labels.csv", index=False)
    assert read_labelled_set(folder).fine is None


def test_unused_coarse_class_is_refused_for_training(folder):
    labels().assign(coarse=[2, 0, 0, 2, 0, 2]).to_csv(folder / "labels.csv", index=False)
    with pytest.raises(UserError, match="coarse labels must be 0 to C - 1"):
        read_training_set(folder)


@pytest.mark.parametrize("chunks", [[IMAGES.astype(np.float32)], [IMAGES[:, :3]], [IMAGES[1:]]])
def test_only_fitting_images_are_written(tmp_path, chunks):
    with pytest.raises(ValueError, match="images"):
        write_set(tmp_path / "set", labels(), chunks, 4, 5)
    assert not list(tmp_path.glob("set/*"))


def test_a_part_without_images(tmp_path):
    write_set(tmp_path / "set", labels()[:0], [], 4, 5)
    assert read_images(tmp_path / "set").shape == (0, 4, 5, 3)
    assert read_labelled_set(tmp_path / "set").coarse.tolist() == []


def test_no_more_than_a_chunk_is_in_memory(tmp_path):
    """60 MB of images stream through; what is held at once stays below three of its chunks."""
    number, height = 2000, 100
    table = pd.concat([labels()] * 334, ignore_index=True)[:number]
    chunks = (np.zeros((50, height, height, 3), np.uint8) for _ in range(number // 50))
    tracemalloc.start()
    try:
        write_set(tmp_path / "set", table, chunks, height, height)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "set" / "images.npy").stat().st_size > number * height * height * 3
    assert peak < 3 * 50 * height * height * 3 + 1e6


@pytest.mark.parametrize("error", [OSError("gone"), UserError("damaged"), KeyboardInterrupt("stopped by hand")])
def test_a_source_that_breaks_off_leaves_nothing(tmp_path, error):
    def chunks():
        yield IMAGES[:3]
        raise error

    with pytest.raises((UserError, KeyboardInterrupt), match=r"cannot write .*gone|damaged|stopped by hand"):
        write_set(tmp_path / "set", labels(), chunks(), 4, 5)
    assert not list(tmp_path.glob("set/*"))

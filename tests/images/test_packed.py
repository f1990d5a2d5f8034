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


def test_round_trip(folder):
    training_set = read_training_set(folder)
    assert (training_set.images == IMAGES).all()
    assert training_set.coarse.tolist() == [1, 0, 0, 1, 0, 1]
    assert training_set.coarse.dtype == np.int64
    assert training_set.coarse_names == ["animal, small", "NA"]
    assert isinstance(training_set.images, np.memmap)
    assert not training_set.images.flags.writeable
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


@pytest.mark.parametrize("fine", ["", ["3", "", "1", "2", "0", "3"]])
def test_without_all_fine_labels_there_are_none(folder, fine):
    labels().assign(fine=fine).to_csv(folder / "labels.csv", index=False)
    labelled = read_labelled_set(folder)
    assert (labelled.fine, labelled.fine_name) == (None, None)
    assert labelled.coarse.tolist() == read_training_set(folder).coarse.tolist() == [1, 0, 0, 1, 0, 1]


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
    labels().assign(coarse=[2, 0, 0, 2, 0, 2]).to_csv(folder / "labels.csv", index=False)
    with pytest.raises(UserError, match="coarse labels must be 0 to C - 1"):
        read_training_set(folder)


def test_stretch_and_digest_tell_sets_apart(folder):
    def written(images=IMAGES, **changes):
        write_set(folder, labels().assign(**changes), [images], 4, 5)
        return read_training_set(folder)

    one_pixel = IMAGES.copy()
    one_pixel[3, 2, 1, 0] ^= 1
    squashed = {"width": [5, 10, 5, 500, 50, 15], "height": [4, 4, 8, 400, 10, 3]}
    assert written().stretch is None
    assert written(**squashed).stretch.tolist() == [1, 2, 0.5, 1, 4, 4]
    others = [written(one_pixel), written(coarse=[0, 1, 0, 1, 0, 1], coarse_name=[*"bababa"]), written(**squashed)]
    assert len({one.digest() for one in (written(), *others, written(coarse_name=[*"baabab"]))}) == 5
    assert read_images(folder).shape == (NUMBER, 4, 5, 3)
    write_set(folder, labels()[:0], [], 4, 5)
    assert read_images(folder).shape == (0, 4, 5, 3)
    assert read_labelled_set(folder).coarse.tolist() == []


FAULTS = {
    "no images": lambda folder: (folder / "images.npy").unlink(),
    "no labels": lambda folder: (folder / "labels.csv").unlink(),
    "truncated": lambda folder: (folder / "images.npy").write_bytes((folder / "images.npy").read_bytes()[:-7]),
    "objects": lambda folder: np.save(folder / "images.npy", np.array([{"a": 1}] * NUMBER), allow_pickle=True),
    "one image less": lambda folder: np.save(folder / "images.npy", IMAGES[1:]),
    "no coarse column": lambda folder: labels().drop(columns="coarse").to_csv(folder / "labels.csv", index=False),
    "text for coarse": lambda folder: labels().assign(coarse="animal").to_csv(folder / "labels.csv", index=False),
    "one coarse value missing": lambda folder: (
        labels().assign(coarse=["1", "0", "", "1", "0", "1"]).to_csv(folder / "labels.csv", index=False)
    ),
}


@pytest.mark.fault
@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_set_gives_a_sentence(folder, fault):
    FAULTS[fault](folder)
    for read in (read_training_set, read_labelled_set):
        with pytest.raises(UserError, match=r"set.*(dvc repro -f coarse|coarse labels)") as raised:
            read(folder)
        assert "\n" not in str(raised.value)


@pytest.mark.fault
@pytest.mark.parametrize("chunks", [[IMAGES.astype(np.float32)], [IMAGES[:, :3]], [IMAGES[1:]]])
def test_only_fitting_images_are_written(tmp_path, chunks):
    with pytest.raises(ValueError, match="images"):
        write_set(tmp_path / "set", labels(), chunks, 4, 5)
    assert not list(tmp_path.glob("set/*"))


@pytest.mark.fault
@pytest.mark.parametrize("error", [OSError("gone"), UserError("damaged"), KeyboardInterrupt("stopped by hand")])
def test_a_source_that_breaks_off_leaves_nothing(tmp_path, error):
    def chunks():
        yield IMAGES[:3]
        raise error

    with pytest.raises((UserError, KeyboardInterrupt), match=r"cannot write .*gone|damaged|stopped by hand"):
        write_set(tmp_path / "set", labels(), chunks(), 4, 5)
    assert not list(tmp_path.glob("set/*"))

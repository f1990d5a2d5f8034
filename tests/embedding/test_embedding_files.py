import numpy as np
import pandas as pd
import pytest
import torch

from maskcon.embedding.files import read_embedded_set, write_rows
from maskcon.images.packed.image_set import LABEL_COLUMNS
from maskcon.parameters.errors import UserError

ROWS = np.array([[1, 0], [0.6, 0.8], [0, 0]], np.float32)  # the last is of an empty image


@pytest.fixture
def folder(tmp_path):
    rows = [(0, "NA", 3, "null", f"scan {i}", 8, 8) for i in range(3)]  # names that look like missing values
    pd.DataFrame(rows, columns=LABEL_COLUMNS).to_csv(tmp_path / "labels.csv", index=False)
    np.save(tmp_path / "encoder.npy", ROWS)
    return tmp_path


def test_reads_what_was_written_in_a_map_that_nothing_written_to_it_changes(folder, recwarn):
    embedded = read_embedded_set(folder)
    assert len(embedded) == 3
    assert (embedded.coarse.tolist(), embedded.fine.tolist()) == ([0] * 3, [3] * 3)
    assert (embedded.coarse_name.tolist(), embedded.fine_name.tolist()) == (["NA"] * 3, ["null"] * 3)
    assert embedded.snapshots() == {}
    features = embedded.features("encoder")
    assert np.array_equal(features, ROWS)
    assert isinstance(features, np.memmap)  # takes no memory of the process's own
    torch.from_numpy(features)[0] = 7
    assert np.array_equal(np.load(folder / "encoder.npy"), ROWS)
    assert not recwarn.list


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_rows_are_written_as_numpy_would(tmp_path, rows):
    np.save(tmp_path / "whole.npy", ROWS[:rows])
    write_rows(tmp_path / "batches.npy", (rows, 2), (ROWS[:rows][start : start + 2] for start in range(0, rows, 2)))
    assert (tmp_path / "batches.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_snapshots_are_in_the_order_of_their_epochs(folder):
    (folder / "snapshots").mkdir()
    for name in ("epoch_0010", "epoch_0005", "epoch_12345", ".epoch_0001.npy.7.part", "other"):
        np.save(folder / "snapshots" / f"{name}.npy", ROWS)
    embedded = read_embedded_set(folder)
    assert list(embedded.snapshots().items()) == [
        (5, "snapshots/epoch_0005"),
        (10, "snapshots/epoch_0010"),
        (12345, "snapshots/epoch_12345"),
    ]
    assert np.array_equal(embedded.features("snapshots/epoch_0010"), ROWS)


@pytest.mark.parametrize(
    ("fine", "rows"), [([5, "", 4], [0, 2]), ([5, "", ""], None), (["", "", ""], None), ([5] * 3, None)]
)
def test_with_fine_labels_of_some_images_these_alone_are_measured(folder, fine, rows):
    labels = pd.read_csv(folder / "labels.csv", keep_default_na=False).assign(fine=fine)
    labels.to_csv(folder / "labels.csv", index=False)
    measured, whole = read_embedded_set(folder, only_with_fine=True), read_embedded_set(folder)
    assert np.array_equal(whole.features("encoder"), ROWS)
    if rows is None:
        assert len(measured) == len(whole) == 3
        assert measured.rows is None
        assert np.array_equal(measured.features("encoder"), ROWS)
        assert (measured.fine is None) == (whole.fine is None) == (whole.fine_name is None) == ("" in fine)
    else:
        assert whole.fine is None
        assert measured.fine.tolist() == [fine[row] for row in rows]
        assert measured.source.tolist() == [f"scan {row}" for row in rows]
        assert np.array_equal(measured.features("encoder"), ROWS[rows])
        assert (len(measured), measured.images_in_part) == (2, 3)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("features", "message"),
    [
        (
            ROWS.astype(np.float64),
            r"float64 \[3, 2\], expected float32 \[3, F\]; make it again",
        ),
        (ROWS[:2], r"float32 \[2, 2\], expected float32 \[3, F\]"),
        (ROWS * 2, r"2 of 3 rows have not length 1, the first is row 0 \(scan 0\) with length 2.0"),
        (np.where(ROWS == 0.8, np.nan, ROWS), r"1 of 3 rows .* row 1 \(scan 1\) with length nan; .* training diverged"),
        (np.array([{"a": 1}] * 3), "cannot be read"),  # a pickle is never opened
        (b"", "cannot be read"),
        (b"not an array", "cannot be read"),
        (None, "cannot be read .*dvc repro -f embed"),
    ],
)
def test_wrong_features_are_refused(folder, features, message):
    (folder / "encoder.npy").unlink()
    if isinstance(features, bytes):
        (folder / "encoder.npy").write_bytes(features)
    elif features is not None:
        np.save(folder / "encoder.npy", features, allow_pickle=True)
    with pytest.raises(UserError, match=f"encoder.npy.*{message}"):
        read_embedded_set(folder).features("encoder")


@pytest.mark.fault
@pytest.mark.parametrize(
    "content",
    [
        None,
        "coarse,fine\n0,1\n",
        ",".join(LABEL_COLUMNS) + "\nx,a,1,b,s,8,8\n",
        ",".join(LABEL_COLUMNS) + "\n0,a,,,s,8,8\n0,a,x,b,s,8,8\n",  # a word, where another image has no fine label
    ],
)
def test_wrong_labels_are_refused(folder, content):
    (folder / "labels.csv").unlink()
    if content is not None:
        (folder / "labels.csv").write_text(content)
    with pytest.raises(UserError, match=r"labels.csv cannot be read .*expected the columns coarse, coarse_name"):
        read_embedded_set(folder)

"""Tables that people hand in, labels.csv and maps of coarse classes: they are used, or refused in sentences.

docs/reliability.md counts the cases: every table here, and EXAMPLES generated ones for each reader.
"""

import csv
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from PIL import Image

from maskcon.images.reading.coarse_labels import read_coarse_table
from maskcon.images.reading.folder_listing import read_coarse_of_fine
from maskcon.images.sources.folder import Values as FolderSet
from maskcon.images.sources.folder import splits
from maskcon.parameters.errors import UserError
from tests.images.small_archives import preset

EXAMPLES = 250
PHOTOS = [f"{name}{number}.png" for name in "ab" for number in range(6)]
TABLE = "fine,fine_name,coarse,coarse_name\n0,a,0,one\n1,b,1,two\n"
HARMLESS = {
    "as it should be": TABLE.encode(),
    "a mark of UTF-8 before all": b"\xef\xbb\xbf" + TABLE.encode(),
    "CRLF": TABLE.replace("\n", "\r\n").encode(),
    "no end of the last line": TABLE.rstrip("\n").encode(),
    "blank lines": TABLE.replace("\n", "\n\n").encode(),
    "spaces around": TABLE.replace(",", " , ").encode(),
    "quotes in quotes": TABLE.replace("a,", '"a""b",').encode(),
}
REFUSED = {
    "nothing": b"",
    "UTF-16": TABLE.encode("utf-16"),
    "Latin-1": TABLE.replace("one", "K\xe4se").encode("latin-1"),
    "bytes of 0": TABLE.replace("a,", "a\0,").encode(),
    "semicolons": TABLE.replace(",", ";").encode(),
    "the header alone": TABLE.splitlines()[0].encode(),
    "a column twice": "\n".join(f"{line},{line.split(',')[-1]}" for line in TABLE.splitlines()).encode(),
    "one field more in every row": TABLE.replace("one", "one,x").replace("two", "two,x").encode(),
    "a quote without end": TABLE.replace("\n", '\n"', 2).encode(),
    "a field of 3 MB": (TABLE + "x" * 3_000_000 + ",y\n").encode(),
    "control characters": TABLE.replace("0", "\x1b[31m\x07").encode(),
}


def assert_used_or_refused(use: Callable[[], object]) -> bool:
    """Whether it was used. Any exception but a UserError fails the test."""
    said = None
    try:
        use()
    except UserError as error:
        said = str(error)
    assert said is None or all(line.isprintable() and 0 < len(line) < 20_000 for line in said.split("\n")), said[:500]
    return said is None


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number, photo in enumerate(PHOTOS):
        Image.new("RGB", (8, 8), (20 * number, 0, 0)).save(folder / photo)
    return folder


@pytest.fixture(scope="module")
def settings_of_folder(tmp_path_factory) -> FolderSet:
    return preset("folder", tmp_path_factory.mktemp("folder"), stored=None, height=8, width=8)


def use_labels(photos: Path, data: FolderSet, content: bytes) -> None:
    """What the stage coarse does with a folder, up to the last pixel."""
    (photos / "labels.csv").write_bytes(content)
    for _, part in splits(photos, data, photos.parent / "scratch"):
        images = np.concatenate([*part.images, np.empty((0, 8, 8, 3), np.uint8)])
        assert len(images) == len(part.labels)


@pytest.mark.fault
def test_tables_that_editors_and_transfers_spoil(tmp_path):
    path = tmp_path / "table.csv"
    used = set()
    for spoilt, content in (HARMLESS | REFUSED).items():
        path.write_bytes(content)
        if assert_used_or_refused(lambda: read_coarse_table(path)):
            used.add(spoilt)
    assert used == set(HARMLESS)


FIELDS = strategies.one_of(
    strategies.sampled_from([*PHOTOS, "a", "b", "train", "test", "val", "", " ", "0", "1", ".", "..", "a0.png/", "/"]),
    strategies.text(max_size=10),
)
COLUMNS = strategies.sampled_from(
    ["path", "coarse", "fine", "split", "fine_name", "coarse_name", "", "Path", "coarse.1", "width"]
)


@strategies.composite
def tables(draw) -> bytes:
    """A CSV file whose cells are anything, cut or spoilt at times."""
    header = draw(strategies.lists(COLUMNS, min_size=1, max_size=5))
    rows = draw(strategies.lists(strategies.lists(FIELDS, min_size=1, max_size=5), max_size=6))
    text = io.StringIO()
    csv.writer(text, lineterminator=draw(strategies.sampled_from(["\n", "\r\n"]))).writerows([header, *rows])
    content = text.getvalue().encode("utf-8", "surrogatepass")
    cut = draw(strategies.integers(0, len(content)))
    return draw(strategies.sampled_from([content, content, content[:cut], content[:cut] + b'"\0\xff' + content[cut:]]))


@pytest.mark.fault
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
@given(tables())
def test_generated_tables(photos, settings_of_folder, content):
    assert_used_or_refused(lambda: use_labels(photos, settings_of_folder, content))
    path = photos.parent / "table.csv"
    path.write_bytes(content)
    assert_used_or_refused(lambda: read_coarse_of_fine(path))
    assert_used_or_refused(lambda: read_coarse_table(path))


@pytest.mark.fault
def test_a_table_that_is_not_there(tmp_path):
    for read in (read_coarse_of_fine, read_coarse_table):
        for name in ("absent.csv", ".", "a\nb", "a" * 5000, "absent/x.csv"):
            assert not assert_used_or_refused(partial(read, tmp_path / name))

import os
import socket

import pytest

from maskcon.images.reading.folder_listing import (
    Problems,
    list_photos,
    read_coarse_of_fine,
    require_plain_files,
)
from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import show


def fill(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def rows(root, layout="auto", coarse_of_fine=None):
    problems = Problems()
    listing = list_photos(root, layout, coarse_of_fine or {}, problems)
    return listing.to_numpy().tolist(), problems.found


LAYOUTS = {
    "split/coarse/fine": (
        ["train/bird/wren/a.jpg", "Validation/bird/tit/b.PNG", "test/cat/lion/c.webp"],
        [
            ["Validation/bird/tit/b.PNG", "val", "bird", "tit"],
            ["test/cat/lion/c.webp", "test", "cat", "lion"],
            ["train/bird/wren/a.jpg", "train", "bird", "wren"],
        ],
    ),
    "split/coarse": (
        ["train/bird/a.jpg", "test/cat/c.gif"],
        [["test/cat/c.gif", "test", "cat", ""], ["train/bird/a.jpg", "train", "bird", ""]],
    ),
    "coarse/fine": (
        ["bird/wren/a.jpg", "cat/lion/c.jpg"],
        [["bird/wren/a.jpg", "", "bird", "wren"], ["cat/lion/c.jpg", "", "cat", "lion"]],
    ),
    "coarse": (["bird/a.jpg", "cat/a.jpg"], [["bird/a.jpg", "", "bird", ""], ["cat/a.jpg", "", "cat", ""]]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_named_by_part_and_class(tmp_path, layout):
    paths, expected = LAYOUTS[layout]
    for said in (layout, "auto"):
        assert rows(fill(tmp_path, *paths), said) == (expected, [])


def test_folders_named_by_fine_class_and_a_table(tmp_path):
    fill(tmp_path, "train/wren/a.jpg", "test/lion/b.jpg", "test/deer/c.jpg")
    listing, found = rows(tmp_path, coarse_of_fine={"wren": "bird", "lion": "cat", "deer": "", "unused": "x"})
    assert listing == [
        ["test/deer/c.jpg", "test", "", "deer"],
        ["test/lion/b.jpg", "test", "cat", "lion"],
        ["train/wren/a.jpg", "train", "bird", "wren"],
    ]
    assert found == []
    alone = fill(tmp_path / "x", "wren/a.jpg")
    assert rows(alone, coarse_of_fine={"wren": "bird"})[0] == [["wren/a.jpg", "", "bird", "wren"]]
    with pytest.raises(UserError, match=r"data\.coarse_map gives the coarse classes, but the folder"):
        rows(fill(tmp_path / "y", "bird/wren/a.jpg"), coarse_of_fine={"wren": "bird"})
    table = tmp_path / "map.csv"
    table.write_text('fine_name,coarse_name,remark\nwren,"bird, small",x\ndeer,,y\n')
    assert read_coarse_of_fine(table) == {"wren": "bird, small", "deer": ""}
    table.write_text("fine_name,coarse_name\nwren,bird\nwren,cat\n")
    with pytest.raises(UserError, match=r"map\.csv: wren stands in several rows"):
        read_coarse_of_fine(table)


def test_a_class_called_like_a_part(tmp_path):
    fill(tmp_path, "train/a.jpg", "car/a.jpg")
    with pytest.raises(
        UserError, match=r"named as parts \(train\), others not \(car\); say what they .* -S data\.layout"
    ):
        rows(tmp_path)
    assert rows(tmp_path, "coarse")[0] == [["car/a.jpg", "", "car", ""], ["train/a.jpg", "", "train", ""]]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["a.jpg", "b.jpg"], "lie in no folder of a class"),
        (["train/a.jpg", "test/b.jpg"], "lie in no folder of a class"),
        (["a/b/c/d.jpg", "a/b/c/e.jpg"], "lie 3 folders deep"),
        ([], "has no photos"),
        (["bird/readme.txt", "bird/.a.jpg", ".git/bird/a.jpg"], "has no photos"),
    ],
)
def test_no_telling_what_the_folders_mean(tmp_path, paths, said):
    with pytest.raises(UserError, match=said):
        rows(fill(tmp_path, *paths))


@pytest.mark.fault
def test_other_files_are_passed_over_and_said(tmp_path, capsys):
    fill(tmp_path, "bird/a.jpg", "bird/notes.txt", "bird/LICENSE", "cat/b.JPG", "cat/.DS_Store", "cat/Thumbs.db")
    assert len(rows(tmp_path)[0]) == 2
    assert "passed over files that are not named as photos: 1 (no suffix), 1 .txt" in capsys.readouterr().out


@pytest.mark.fault
def test_links_that_lead_outside_round_or_nowhere(tmp_path):
    fill(tmp_path, "elsewhere/secret.jpg", "photos/bird/00.jpg")
    root = tmp_path / "photos"
    (root / "bird/link.jpg").symlink_to(tmp_path / "elsewhere/secret.jpg")
    (root / "cat").symlink_to(tmp_path / "elsewhere")
    (root / "bird/again").symlink_to(root / "bird")
    (root / "bird/nowhere.jpg").symlink_to("gone.jpg")
    (root / "bird/round.jpg").symlink_to("round.jpg")
    (root / "bird/same.jpg").symlink_to("00.jpg")
    listing, found = rows(root)
    photos = [path for path, *_ in listing]
    assert photos == ["bird/00.jpg", "bird/nowhere.jpg", "bird/round.jpg", "bird/same.jpg"]  # the decoder names two
    assert found == [
        "paths that lead outside of the folder (1): bird/link.jpg; copy the photos into it",
        "links to folders (2): bird/again, cat; put the photos themselves there, or remove the links",
    ]


@pytest.mark.fault
def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    """As that of another person is, or one on a network disk that fails."""
    fill(tmp_path, "bird/a.jpg", "cat/b.jpg", "cat/lion/c.jpg")

    def scandir(path, original=os.scandir):
        if os.fspath(path).endswith("cat"):
            raise PermissionError(13, "Permission denied", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    named = "folders that cannot be read (1): cat (Permission denied); allow them to be read, or see that their disk"
    assert rows(tmp_path)[1] == [f"{named} is there"]
    with pytest.raises(UserError) as raised:
        require_plain_files(tmp_path)
    assert str(raised.value).splitlines()[1] == f"{named} is there"


@pytest.mark.fault
def test_what_nobody_can_read_is_refused_whatever_its_name(tmp_path, monkeypatch):
    fill(tmp_path, "bird/a.jpg", "bird/.hidden", "bird/mine.txt", ".git/config")
    (tmp_path / "bird/same.jpg").symlink_to("a.jpg")
    require_plain_files(tmp_path)
    os.mkfifo(tmp_path / ".git/pipe")
    (tmp_path / "bird/null.jpg").symlink_to("/dev/null")
    (tmp_path / "bird/round").symlink_to("round")
    (tmp_path / ".#labels.csv").symlink_to("me@machine.123:456")  # of an editor that is open
    with socket.socket(socket.AF_UNIX) as made:
        monkeypatch.chdir(tmp_path)  # a socket's path is short
        made.bind("bird/socket.jpg")
    monkeypatch.setattr(os, "access", lambda path, _: not path.endswith("mine.txt"))
    with pytest.raises(UserError) as raised:
        require_plain_files(tmp_path)
    assert str(raised.value).splitlines()[1:] == [
        "pipes, devices, links that lead nowhere, and files without permission (6): .#labels.csv, .git/pipe, "
        "bird/mine.txt, bird/null.jpg, bird/round, bird/socket.jpg; remove them, or allow them to be read (a name "
        "that begins with .# belongs to an open editor)"
    ]


@pytest.mark.fault
def test_a_table_of_labels_that_is_a_link_or_a_pipe(tmp_path):
    """A link to another file is not followed: a message about its columns would show what is in it."""
    root = tmp_path / "photos"
    fill(tmp_path, "photos/a.jpg")
    (tmp_path / "passwords").write_text("root:x:0:0\n")
    (root / "labels.csv").symlink_to(tmp_path / "passwords")
    with pytest.raises(UserError, match=r"labels\.csv is a link that leads outside of the folder; copy") as raised:
        rows(root)
    assert "root:x" not in str(raised.value)
    (root / "labels.csv").unlink()
    os.mkfifo(root / "labels.csv")
    with pytest.raises(UserError, match=r"labels\.csv cannot be read \(it is not a file\)"):
        rows(root)


@pytest.mark.fault
def test_names_of_any_kind_are_text(tmp_path):
    fill(
        tmp_path,
        '<b>bold & 50%, "x"/a.jpg',
        "new\nline/b.jpg",
        "#let x = 1/c.jpg",
        "日本/ü.jpg",
    )
    listing, found = rows(tmp_path)
    assert [coarse for _, _, coarse, _ in listing] == ["#let x = 1", '<b>bold & 50%, "x"', "new\nline", "日本"]
    assert found == []
    assert [show("new\nline"), show("日本")] == ["new\\nline", "日本"]
    os.close(os.open(os.fsencode(tmp_path) + b"/new\nline/\xff.jpg", os.O_CREAT))
    assert rows(tmp_path)[1] == ["names that are not UTF-8 (1): new\\nline/\\udcff.jpg; rename them"]


@pytest.mark.fault
def test_many_names_are_counted_and_not_all_listed():
    problems = Problems()
    problems.add("things", range(1234), "mend them")
    problems.add("others", [], "mend them")
    [line] = problems.found
    assert line.startswith("things (1,234): 0, 1, 2, ")
    assert line.endswith(" 19 and 1,214 more; mend them")


TABLE = """\ufeffpath, coarse,split,fine
b.jpg,"big, or not",test,NA
./a.jpg,small,Training,1
"""


def test_a_table_of_labels(tmp_path):
    fill(tmp_path, "a.jpg", "b.jpg", "not in the table.jpg")
    (tmp_path / "labels.csv").write_text(TABLE)
    expected = [["a.jpg", "train", "small", "1"], ["b.jpg", "test", "big, or not", "NA"]]
    assert rows(tmp_path) == (expected, [])
    (tmp_path / "labels.csv").write_text("path,coarse\na.jpg,x\nb.jpg,y\n")
    assert rows(tmp_path) == ([["a.jpg", "", "x", ""], ["b.jpg", "", "y", ""]], [])
    (tmp_path / "labels.csv").write_text("path,fine\na.jpg,wren\n")
    assert rows(tmp_path, coarse_of_fine={"wren": "bird"}) == ([["a.jpg", "", "bird", "wren"]], [])


@pytest.mark.fault
def test_all_that_is_wrong_with_a_table_of_labels(tmp_path):
    fill(tmp_path, "photos/a.jpg", "photos/b.jpg", "outside.jpg")
    root = tmp_path / "photos"
    lines = ["a.jpg,x,train", "./a.jpg,x,train", "../outside.jpg,x,train", "/etc/passwd,x,train", "gone.jpg,x,train"]
    lines += [",x,train", "b.jpg,x,middle"]
    (root / "labels.csv").write_text("\n".join(["path,coarse,split", *lines]))
    listing, found = rows(root)
    assert [path for path, *_ in listing] == ["a.jpg", "b.jpg"]
    assert [problem.split(";")[0] for problem in found] == [
        "unknown names of parts (1): middle",
        "rows without path (1): row 7",
        "paths that lead outside of the folder (2): ../outside.jpg, /etc/passwd",
        "photos in several rows (1): a.jpg",
        "photos that are not there (1): gone.jpg",
    ]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"file,coarse\na.jpg,x\n", r"labels\.csv has no column path; it has file, coarse"),
        (b"path,class\na.jpg,x\n", r"labels\.csv has no column coarse; it has path, class; expected path, coarse and"),
        (b"path;coarse\na.jpg;x\n", r"labels\.csv has no column path; it has path;coarse; commas should stand between"),
    ],
)
def test_a_table_of_labels_that_is_none(tmp_path, content, said):
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(UserError, match=said) as raised:
        rows(tmp_path)
    assert "\n" not in str(raised.value)

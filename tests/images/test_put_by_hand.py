import pytest

from maskcon.images.fetching.put_by_hand import DEPTH, link_or_copy, lying_in
from maskcon.parameters.errors import UserError
from tests.images.small_archives import write_files


def test_the_least_deep_one_is_found(tmp_path):
    write_files(tmp_path, {"a/b/photos.zip": b"deep", "z/photos.zip": b"near", "a/" * (DEPTH + 1) + "other.zip": b""})
    assert lying_in(tmp_path, "photos.zip") == tmp_path / "z" / "photos.zip"
    assert lying_in(tmp_path, "other.zip") is None
    assert lying_in(tmp_path / "nowhere", "photos.zip") is None


def test_folders_and_links_are_brought_as_links_to_the_files_themselves(tmp_path):
    write_files(tmp_path / "root", {"photos/1.jpg": b"one", "photos/more/2.jpg": b"two"})
    (tmp_path / "root/photos/3.jpg").symlink_to(tmp_path / "root/photos/1.jpg")
    link_or_copy(tmp_path / "root" / "photos", tmp_path / "raw" / "photos")
    for name in ("1.jpg", "more/2.jpg", "3.jpg"):
        assert (tmp_path / "raw/photos" / name).samefile(tmp_path / "root/photos" / name)
        assert not (tmp_path / "raw/photos" / name).is_symlink()


def test_nothing_half_done_stays_under_the_name(tmp_path, monkeypatch):
    write_files(tmp_path / "root", {"photos/1.jpg": b"one", "photos/2.jpg": b"two"})

    def fill_the_disk(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.link", fill_the_disk)
        patch.setattr("shutil.copyfile", fill_the_disk)
        with pytest.raises(UserError, match=r"cannot bring .*photos.* to .*: .*No space left.*free some"):
            link_or_copy(tmp_path / "root" / "photos", tmp_path / "raw" / "photos")
    assert list((tmp_path / "raw").iterdir()) == []
    link_or_copy(tmp_path / "root" / "photos", tmp_path / "raw" / "photos")
    assert sorted(path.name for path in (tmp_path / "raw" / "photos").iterdir()) == ["1.jpg", "2.jpg"]

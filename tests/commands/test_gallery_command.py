from types import SimpleNamespace

import pytest

from maskcon.__main__ import main
from maskcon.explore import gallery
from maskcon.parameters.errors import USER_ERROR_EXIT_CODE


def test_a_folder_in_the_place_of_the_page_is_told_before_the_layout(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gallery, "chosen_gallery", lambda *where: pytest.fail("work has begun"))
    with pytest.raises(SystemExit) as ended:
        main(["gallery", "--page", str(tmp_path)])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    assert f"cannot write {tmp_path}: Is a directory; name a file, not a folder" in capsys.readouterr().err


def test_a_gallery_without_its_images_is_told(tmp_path, monkeypatch, capsys):
    data = SimpleNamespace(name="x")
    without = gallery.Gallery("x", SimpleNamespace(data=data), features=None, labels=None, images=None)
    monkeypatch.setattr(gallery, "chosen_gallery", lambda *where: without)
    with pytest.raises(SystemExit):
        main(["gallery", "--page", str(tmp_path / "page.html")])
    assert "data/sets/x/test in this folder does not hold the images" in capsys.readouterr().err

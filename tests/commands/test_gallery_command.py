from types import SimpleNamespace

import pytest

from maskcon.explore import gallery


def test_a_place_or_images_that_lack_are_told_before_the_layout(tmp_path, monkeypatch, refusal):
    monkeypatch.setattr(gallery, "chosen_gallery", lambda *where: pytest.fail("work has begun"))
    said = refusal("gallery", "--page", str(tmp_path))
    assert f"cannot write {tmp_path}: Is a directory; name a file, not a folder" in said
    data = SimpleNamespace(name="x")
    without = gallery.Gallery("x", SimpleNamespace(data=data), features=None, labels=None, images=None)
    monkeypatch.setattr(gallery, "chosen_gallery", lambda *where: without)
    said = refusal("gallery", "--page", str(tmp_path / "page.html"))
    assert "data/sets/x/test in this folder does not hold the images" in said

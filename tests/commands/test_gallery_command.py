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

import os
import shutil
from argparse import Namespace

import pytest

from maskcon.commands import params
from maskcon.parameters.errors import UserError


def test_a_pipe_among_the_photos_is_refused_before_anything_is_written(tmp_path, monkeypatch, repository):
    """DVC, which hashes the photos before any stage runs, would wait at it for ever."""
    shutil.copytree(repository / "conf", tmp_path / "conf")
    photos = tmp_path / "photos"
    photos.mkdir()
    monkeypatch.chdir(tmp_path)
    os.mkfifo(photos / "a.jpg")
    with pytest.raises(UserError, match=r"pipes, .*\(1\): a\.jpg; remove them"):
        params.main(Namespace(choices=["data=folder", f"data.root={photos}"]))
    assert not (tmp_path / "params.yaml").exists()

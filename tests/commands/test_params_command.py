import shutil
from argparse import Namespace

import pytest

from maskcon.commands import params
from maskcon.parameters.errors import UserError


def test_a_folder_that_is_not_there_is_refused_before_anything_is_written(tmp_path, monkeypatch, repository):
    shutil.copytree(repository / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"data\.root=.*gone is not a folder"):
        params.main(Namespace(choices=["data=folder", f"data.root={tmp_path / 'gone'}"]))
    assert not (tmp_path / "params.yaml").exists()

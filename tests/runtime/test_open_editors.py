"""Files that editors keep beside an open one, some of them links that lead nowhere, are no part of anything."""

import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo

from maskcon import __main__ as entry
from maskcon.parameters.reference import parameter_reference
from maskcon.runtime.run_key import files_of

REPOSITORY = Path(__file__).resolve().parents[2]


def open_in_editors(file: Path) -> list[Path]:
    lock = file.with_name(f".#{file.name}")
    lock.symlink_to("somebody@host.1234:5678")
    unsaved = [file.with_name(f"#{file.name}#"), file.with_name(f".{file.name}.swp")]
    for one in unsaved:
        one.write_text("half a sentence")
    return [lock, *unsaved]


@pytest.mark.fault
def test_dvc_and_the_hash_of_a_run_pass_them_over(tmp_path):
    shutil.copy(REPOSITORY / ".dvcignore", tmp_path)
    code = tmp_path / "code/train.py"
    code.parent.mkdir()
    code.write_text("pass")
    kept = open_in_editors(code)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        assert [path for path in (code, *kept) if not repo.dvcignore.is_ignored_file(str(path))] == [code]
    assert files_of(code.parent) == [code]


@pytest.mark.fault
def test_the_reference_of_parameters_and_the_list_of_commands_pass_them_over(tmp_path, monkeypatch):
    conf = shutil.copytree(REPOSITORY / "conf", tmp_path / "conf")
    for name in ("config.yaml", "loss/maskcon.yaml", "recipe/photos.yaml"):
        open_in_editors(conf / name)
    assert parameter_reference(conf) == parameter_reference(REPOSITORY / "conf")
    monkeypatch.setattr(entry, "FOLDER", tmp_path)
    (tmp_path / "greet.py").write_text('"""Say hello."""')
    open_in_editors(tmp_path / "greet.py")
    assert entry.command_purposes() == {"greet": "Say hello"}

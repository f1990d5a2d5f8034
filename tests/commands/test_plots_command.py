import subprocess
from pathlib import Path

import pytest

from maskcon.__main__ import main
from maskcon.parameters.errors import USER_ERROR_EXIT_CODE

PIPELINE = """
plots:
  - Loss:
      x: epoch
      y: {curve.csv: loss}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    pytest.importorskip("vl_convert", reason="needs vl-convert-python, see requirements.txt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pipeline(folder):
    """A checkout with a plot, for which nothing has been recorded."""
    subprocess.run(["git", "init", "--quiet"], check=True)
    (folder / ".dvc").mkdir()
    (folder / "dvc.yaml").write_text(PIPELINE)


def message(capsys) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["plots"])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    return capsys.readouterr().err


def test_a_page(pipeline, capsys):
    Path("curve.csv").write_text("epoch,loss\n1,3.5\n2,2.5\n")
    main(["plots"])
    assert capsys.readouterr().out.startswith("exports/plots/index.html: open it in a browser")
    assert "3.5" in Path("exports/plots/index.html").read_text()


def test_nothing_recorded(pipeline, capsys):
    Path("exports/plots").mkdir(parents=True)
    Path("exports/plots/index.html").write_text("an older page")
    assert message(capsys) == "error: nothing is recorded yet; make it with: dvc repro\n"
    assert not Path("exports/plots/index.html").exists()


def test_no_pipeline(folder, capsys):
    assert message(capsys) == "error: there is no dvc.yaml here; run it from the top of the checkout\n"
    assert list(folder.iterdir()) == []

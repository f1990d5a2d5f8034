import pytest

from maskcon.__main__ import main
from maskcon.parameters.errors import USER_ERROR_EXIT_CODE
from tests.support.finished_run import number_images, two_digit_labels
from tests.support.searchable_workspace import write_workspace


@pytest.fixture
def workspace(tmp_path, tiny_parameters, monkeypatch):
    labels = two_digit_labels(40)
    write_workspace(tmp_path, tiny_parameters(), labels, number_images(labels["fine"]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "README.md").write_text("")
    return tmp_path


def refusal(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["export", *words])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    return capsys.readouterr().err


def test_what_is_known_before_work_starts(workspace, capsys):
    assert "no recorded run has this models/encoder.pt" in refusal(capsys, "--formats", "torch", "mlflow")
    printed = refusal(capsys, "--formats", "torch", "--folder", "README.md")
    assert printed.startswith("error: cannot write README.md/labels.json: Not a directory; a file is where a folder")
    for file in ("images.npy", "labels.csv"):
        (workspace / "data/sets/two_digits/test" / file).unlink()
    assert "data/sets/two_digits/test does not hold the images" in refusal(capsys, "--formats", "torch")
    (workspace / "models/encoder.pt").unlink()
    assert refusal(capsys).startswith("error: there is no models/encoder.pt in this folder")
    assert not (workspace / "exports").exists()

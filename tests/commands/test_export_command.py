import importlib.util

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
    return tmp_path


def test_an_encoder_that_is_not_on_record_has_no_run_to_be_logged_to(workspace, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["export", "--formats", "torch", "mlflow"])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    assert "models/encoder.pt is of no run on record in MLflow" in capsys.readouterr().err
    assert not (workspace / "exports").exists()  # known before work starts


def test_without_an_encoder_no_package_is_asked_for(tmp_path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name.startswith("onnx") else find(name, *more)
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["export"])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    assert capsys.readouterr().err.startswith("error: there is no models/encoder.pt in this folder")


def test_a_file_where_the_folder_should_be(workspace, capsys):
    (workspace / "README.md").write_text("")
    with pytest.raises(SystemExit) as ended:
        main(["export", "--formats", "torch", "--folder", "README.md"])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    printed = capsys.readouterr().err
    assert printed.startswith("error: cannot write README.md/labels.json: Not a directory; a file is where a folder")


def test_images_to_check_with_are_needed(workspace, capsys):
    (workspace / "data/sets/two_digits/test/images.npy").unlink()
    (workspace / "data/sets/two_digits/test/labels.csv").unlink()
    with pytest.raises(SystemExit) as ended:
        main(["export", "--formats", "torch"])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    assert "data/sets/two_digits/test does not hold the images" in capsys.readouterr().err

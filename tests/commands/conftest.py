import pytest

from maskcon.__main__ import main
from maskcon.parameters.errors import USER_ERROR_EXIT_CODE
from tests.support.finished_run import number_images, two_digit_labels
from tests.support.searchable_workspace import write_workspace


@pytest.fixture
def workspace(tmp_path, tiny_parameters, monkeypatch):
    """The current folder: an encoder and 40 test images to search, and a README."""
    labels = two_digit_labels(40)
    write_workspace(tmp_path, tiny_parameters(), labels, number_images(labels["fine"]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "README.md").write_text("# not a photo\n")
    return tmp_path


@pytest.fixture
def refusal(capsys):
    """A function of a command's words: the one sentence in which it ends."""

    def of(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        assert ended.value.code == USER_ERROR_EXIT_CODE
        return capsys.readouterr().err

    return of

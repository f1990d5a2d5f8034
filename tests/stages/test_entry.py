import pytest

from maskcon.errors import UserError
from stages.entry import run_stage


@pytest.fixture
def checkout(repository, tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text((repository / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_stage_gets_the_checked_parameters(checkout):
    seen = []
    run_stage(seen.append)
    assert seen[0].data.name == "two_digits"


def test_mistake_of_a_user_ends_as_a_sentence(checkout, capsys):
    def stage(parameters):
        raise UserError("the cat is missing; feed it")

    with pytest.raises(SystemExit) as ended:
        run_stage(stage)
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", "error: the cat is missing; feed it\n")


def test_wrong_parameter_ends_before_the_stage(checkout, capsys):
    text = (checkout / "params.yaml").read_text()
    (checkout / "params.yaml").write_text(text.replace("epochs: 30", "epochs: thirty"))
    with pytest.raises(SystemExit):
        run_stage(lambda parameters: pytest.fail("the stage was called"))
    assert "train.epochs" in capsys.readouterr().err


def test_fault_of_the_program_keeps_its_traceback(checkout):
    def stage(parameters):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_stage(stage)

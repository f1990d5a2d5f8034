import errno

import pytest

from maskcon.parameters.errors import UserError
from maskcon.runtime.entry import run_stage
from maskcon.training.run import enough_memory


@pytest.fixture
def checkout(repository, tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text((repository / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_stage_gets_the_checked_parameters(checkout):
    seen = []
    run_stage(seen.append)
    assert seen[0].data.name == "two_digits"


@pytest.mark.fault
@pytest.mark.parametrize("fault", [ZeroDivisionError(), RuntimeError("shapes do not match"), FileNotFoundError("a")])
def test_fault_of_the_program_keeps_its_traceback(checkout, fault):
    def stage(parameters):
        raise fault

    with pytest.raises(type(fault)):
        run_stage(stage)


TOO_SMALL = "the memory of the computer is too small for this; free some, or run on a larger machine"


@pytest.mark.fault
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("the cat is missing; feed it"), "the cat is missing; feed it"),
        (MemoryError(), TOO_SMALL),
        (RuntimeError("[enforce fail] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"), TOO_SMALL),
        (
            OSError(errno.ENOSPC, "the reason", "test/labels.csv"),
            "test/labels.csv: the reason; free some space or make",
        ),
        (
            OSError(errno.EACCES, "the reason", "test/labels.csv"),
            "test/labels.csv: the reason; free some space or make",
        ),
    ],
)
def test_what_a_person_can_put_right_is_a_sentence(checkout, capsys, error, sentence):
    def stage(parameters):
        raise error

    with pytest.raises(SystemExit) as ended:
        run_stage(stage)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {sentence}")


@pytest.mark.fault
def test_training_without_memory_names_what_to_lower(tiny_parameters):
    said = r"too small for this training; lower train\.batch_size=16, train\.queue_size=64"
    with pytest.raises(UserError, match=said), enough_memory(tiny_parameters()):
        raise MemoryError

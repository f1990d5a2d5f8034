"""python -m maskcon: what it lists, and how a mistake ends."""

from types import ModuleType

import pytest

from maskcon import __main__ as entry
from maskcon.errors import USER_ERROR_EXIT_CODE, UserError


@pytest.fixture
def command(monkeypatch):
    """A command called ``greet`` that takes a name and refuses an empty one."""
    module = ModuleType("greet")

    def main(arguments):
        if not arguments.name:
            raise UserError("name is empty; give one")
        print(f"hello {arguments.name}")

    module.add_arguments = lambda parser: parser.add_argument("name")
    module.main = main
    monkeypatch.setitem(entry.COMMANDS, "greet", "says hello")
    monkeypatch.setattr(entry, "import_module", {"maskcon.commands.greet": module}.__getitem__)


@pytest.mark.usefixtures("command")
def test_calls_the_command_with_its_arguments(capsys):
    entry.main(["greet", "Ada"])
    assert capsys.readouterr().out == "hello Ada\n"


@pytest.mark.usefixtures("command")
def test_a_mistake_is_a_sentence(capsys):
    with pytest.raises(SystemExit) as ended:
        entry.main(["greet", ""])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    assert capsys.readouterr().err == "error: name is empty; give one\n"


@pytest.mark.usefixtures("command")
def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit):
        entry.main(["--help"])
    assert "greet      says hello" in capsys.readouterr().out


def test_an_unknown_command_is_refused_with_those_there_are(capsys):
    with pytest.raises(SystemExit) as ended:
        entry.main(["gret"])
    assert ended.value.code == USER_ERROR_EXIT_CODE
    assert "'gret'" in capsys.readouterr().err

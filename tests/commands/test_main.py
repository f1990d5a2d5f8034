"""python -m maskcon: what it lists, and how a mistake ends."""

import os
import subprocess
import sys
from types import ModuleType

import pytest
from PIL import Image

from maskcon import __main__ as entry
from maskcon.parameters.errors import USER_ERROR_EXIT_CODE, UserError
from tests.support.finished_run import number_images, two_digit_labels
from tests.support.searchable_workspace import write_workspace

AS_COMMANDS = """
import runpy, sys
for words in {commands}:
    sys.argv = ["maskcon", *words]
    runpy.run_module("maskcon", run_name="__main__")
"""


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


@pytest.mark.slow
def test_nothing_of_libraries_reaches_the_terminal(tmp_path, tiny_parameters, repository):
    """The commands as people call them; in one process, for to load the libraries takes longer than all else."""
    labels = two_digit_labels(40)
    write_workspace(tmp_path, tiny_parameters(), labels, number_images(labels["fine"]))
    photo = tmp_path / "photo.png"
    Image.fromarray(number_images(labels["fine"][:1])[0]).save(photo)
    commands = [["search", str(photo)], ["gallery", "--perplexity", "5"], ["export", "--formats", "torch"]]
    telling = ("MASKCON_VERBOSE", "PYTHONWARNINGS", "MLFLOW_TRACKING_URI")
    environment = {name: value for name, value in os.environ.items() if name not in telling}
    run = subprocess.run(
        [sys.executable, "-c", AS_COMMANDS.format(commands=commands)],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    printed = run.stdout.splitlines()
    assert [line.split(":")[0] for line in printed[-4:]] == [
        "two_digits",
        "exports/gallery.html",
        "exports/encoder/encoder.pt2",
        "exports/encoder/labels.json",
    ]

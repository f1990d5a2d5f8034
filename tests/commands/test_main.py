"""The command maskcon: what it lists, and how a mistake ends."""

import os
import subprocess
import sys

import pytest

from maskcon import __main__ as entry

GREET = '''"""Say hello.

With a name.
"""
from maskcon.parameters.errors import UserError


def add_arguments(parser):
    parser.add_argument("name")
    parser.add_argument("--times", type=int)


def main(arguments):
    if not arguments.name:
        raise UserError("name is empty; give one")
    print(f"hello {arguments.name}")
'''
AS_COMMANDS = """
import runpy, sys
for words in {commands}:
    sys.argv = ["maskcon", *words]
    runpy.run_module("maskcon", run_name="__main__")
"""


@pytest.fixture
def greet(monkeypatch, tmp_path):
    """One more command, which is a file in the folder of commands."""
    import maskcon.commands

    (tmp_path / "greet.py").write_text(GREET)
    monkeypatch.setattr(entry, "FOLDER", tmp_path)
    monkeypatch.setattr(maskcon.commands, "__path__", [str(tmp_path)])
    yield
    sys.modules.pop("maskcon.commands.greet", None)


@pytest.mark.usefixtures("greet")
@pytest.mark.parametrize("words", [[], ["--help"]])
def test_alone_it_lists_the_commands_with_a_line_each(capsys, words):
    with pytest.raises(SystemExit):
        entry.main(words)
    assert "greet        Say hello\n" in capsys.readouterr().out
    assert "maskcon.commands.greet" not in sys.modules


@pytest.mark.usefixtures("greet")
def test_calls_the_command_with_its_arguments(capsys):
    entry.main(["greet", "Ada"])
    assert capsys.readouterr().out == "hello Ada\n"


@pytest.mark.fault
@pytest.mark.usefixtures("greet")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["greet", ""], "name is empty; give one"),
        (["gret"], "there is no command gret; did you mean greet?"),
        (["zzz"], "there is no command zzz; the command maskcon alone lists what there is"),
        (["greet"], "the following arguments are required: name; see maskcon greet --help"),
        (["greet", "Ada", "--times", "x"], "argument --times: invalid int value: 'x'; see maskcon greet --help"),
    ],
)
def test_a_mistake_is_a_sentence(refusal, words, sentence):
    assert refusal(*words) == f"error: {sentence}\n"


def test_every_command_of_the_project_says_what_it_takes_in_lines_of_a_terminal(capsys):
    entry.parser_with(entry.command_purposes()).format_help()
    assert all(len(purpose) < 62 for purpose in entry.command_purposes().values())


@pytest.mark.slow
def test_nothing_of_libraries_reaches_the_terminal(workspace, repository):
    """The commands as people call them; in one process, for to load the libraries takes longer than all else."""
    commands = [["search", "--from", "test:0"], ["export"]]
    telling = ("MASKCON_VERBOSE", "PYTHONWARNINGS", "MLFLOW_TRACKING_URI")
    environment = {name: value for name, value in os.environ.items() if name not in telling}
    run = subprocess.run(
        [sys.executable, "-c", AS_COMMANDS.format(commands=commands)],
        cwd=workspace,
        env=environment | {"PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert [line.split(":")[0] for line in run.stdout.splitlines()[-5:]] == [
        "Picture",
        "exports/encoder/encoder.onnx",
        "exports/encoder/encoder.pt2",
        "exports/encoder/labels.json",
        "Left out",  # the model in MLflow, as nothing is recorded
    ]


@pytest.mark.fault
def test_a_reader_that_ends_first_is_no_traceback():
    reading, writing = os.pipe()
    os.close(reading)
    program = "from maskcon import __main__ as entry; entry._run = print; entry.main(['grid'])"
    ended = subprocess.run([sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")

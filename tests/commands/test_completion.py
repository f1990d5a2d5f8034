"""Shell completion, asked in the shells themselves."""

import argparse
import shutil
import subprocess

import pytest

from maskcon import __main__ as entry
from maskcon.commands.completion import completion_script


@pytest.fixture(scope="module")
def parsers():
    search, completion = argparse.ArgumentParser(), argparse.ArgumentParser()
    search.add_argument("photos", nargs="+")
    search.add_argument("--top", type=int)
    search.add_argument("--form", "-f", choices=["table", "json"])
    completion.add_argument("shell", choices=["bash", "zsh"])
    return {"search": search, "completion": completion}


TYPED = {
    "python -m maskcon se": "search",
    "python -m maskcon ": "search completion",
    "python -m maskcon search --t": "--top",
    "python -m maskcon search photo.jpg -": "-h --help --top --form -f",
    "python -m maskcon search --form ": "table json",
    "python -m maskcon search -f j": "json",
    "python -m maskcon completion z": "zsh",
    "python -m maskcon search photo": "",
    "python -m pytest se": "",
    "python se": "",
}


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_what_a_shell_offers(shell, typed, parsers, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "completion").write_text(completion_script(shell, parsers))
    words = typed.split(" ")
    ask = [
        f"autoload -U compinit; compinit -u -d {tmp_path}/dump; setopt KSH_ARRAYS" if shell == "zsh" else "",
        f"source {tmp_path}/completion",
        f"COMP_WORDS=({' '.join(words[:-1])} '{words[-1]}'); COMP_CWORD={len(words) - 1}",
        '_maskcon; echo "${COMPREPLY[@]}"',
    ]
    run = subprocess.run([shell, "-c", "\n".join(ask)], capture_output=True, text=True, timeout=60)
    assert (run.stdout.strip(), run.stderr) == (TYPED[typed], "")


def test_an_interactive_bash_completes_at_the_tab_key(parsers, tmp_path):
    if shutil.which("script") is None:
        pytest.skip("script(1), which gives bash a terminal, is not installed")
    (tmp_path / "rc").write_text(completion_script("bash", parsers) + "python() { echo ran: $*; }\nPS1=\n")
    shell = ["script", "-qec", f"bash --noprofile --rcfile {tmp_path}/rc -i", "/dev/null"]
    typed = "python -m maskcon sea\tx.jpg --to\t3\nexit\n"
    run = subprocess.run(shell, input=typed, capture_output=True, text=True, timeout=60)
    assert "ran: -m maskcon search x.jpg --top 3" in run.stdout


def test_every_command_of_the_project_is_in_the_script(capsys):
    entry.main(["completion", "bash"])
    script = capsys.readouterr().out
    for name in entry.COMMANDS:
        assert f"            {name}) words=" in script

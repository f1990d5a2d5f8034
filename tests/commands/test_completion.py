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


START = {"bash": "", "zsh": "autoload -U compinit; compinit -u -d {folder}/dump; setopt KSH_ARRAYS"}


@pytest.mark.parametrize(("shell", "options"), [("bash", ["--noprofile", "--norc"]), ("zsh", ["-f"])])
def test_what_a_shell_offers(shell, options, parsers, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "completion").write_text(completion_script(shell, parsers))
    asked = [START[shell].format(folder=tmp_path), f"source {tmp_path}/completion"]
    for typed in TYPED:
        *words, last = typed.split(" ")
        asked.append(f"COMP_WORDS=({' '.join(words)} '{last}'); COMP_CWORD={len(words)}")
        asked.append('_maskcon; echo "${COMPREPLY[@]}"')
    (tmp_path / "asked").write_text("\n".join(asked))
    command = [shell, *options, tmp_path / "asked"]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert run.stderr == ""
    offered = {}
    for typed, words in zip(TYPED, run.stdout.splitlines(), strict=True):
        last = typed.split(" ")[-1]  # zsh itself leaves out what does not begin with it, after _maskcon
        offered[typed] = " ".join(word for word in words.split() if word.startswith(last))
    assert offered == TYPED


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

"""Shell completion, asked in bash itself."""

import subprocess

from maskcon.__main__ import command_purposes, main

ASKED = """\
source {folder}/completion
asked() {{ COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _shtab_maskcon; echo "${{COMPREPLY[@]}}"; }}
compopt() {{ :; }}  # bash has it during completion alone
asked maskcon ""
asked maskcon se
asked maskcon search --ind
asked maskcon search --index h
asked maskcon search {folder}/comp
"""


def test_what_bash_offers(tmp_path, capsys):
    main(["completion", "bash"])
    (tmp_path / "completion").write_text(capsys.readouterr().out)
    (tmp_path / "asked").write_text(ASKED.format(folder=tmp_path))
    run = subprocess.run(["bash", "--norc", tmp_path / "asked"], capture_output=True, text=True, timeout=60)
    commands, *answers = run.stdout.splitlines()
    assert commands.split() == list(command_purposes())
    assert answers == ["search", "--index", "hnsw", f"{tmp_path}/completion"]
    assert run.stderr == ""

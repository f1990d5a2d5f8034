"""The words that may follow ``python -m maskcon``, as a script for the shell.

    source <(python -m maskcon completion bash)       # in ~/.bashrc, say; zsh likewise

Everything is in the script, so that a press of the tab key waits for no Python. It is of bash's kind, which zsh reads.
"""

import argparse
from shlex import quote

SCRIPT = """\
_maskcon() {
    COMPREPLY=()
    [[ ${COMP_WORDS[1]} == -m && ${COMP_WORDS[2]} == maskcon ]] || return 0
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=
    if (( COMP_CWORD == 3 )); then
        words=COMMANDS
    else
        case "${COMP_WORDS[3]} $before" in
CHOICES
        *)
            case "${COMP_WORDS[3]}" in
OPTIONS
            esac
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _maskcon python python3
"""
BEFORE = {"bash": "", "zsh": "autoload -U +X bashcompinit && bashcompinit\n"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=sorted(BEFORE), help="the shell that you type in")


def main(arguments: argparse.Namespace) -> None:
    from maskcon.__main__ import COMMANDS, command_and_parser

    print(completion_script(arguments.shell, {name: command_and_parser(name)[1] for name in COMMANDS}), end="")


def completion_script(shell: str, parsers: dict[str, argparse.ArgumentParser]) -> str:
    """The script for commands by name. Where neither option nor choice fits, the shell offers files."""
    choices, options = [], []
    for name, parser in parsers.items():
        words = []
        for action in parser._actions:  # argparse has no other way to ask
            words += action.option_strings or action.choices or ()
            if action.option_strings and action.choices:
                pattern = "|".join(quote(f"{name} {option}") for option in action.option_strings)
                choices.append(f"        {pattern}) words={quote(' '.join(map(str, action.choices)))} ;;")
        options.append(f"            {quote(name)}) words={quote(' '.join(map(str, words)))} ;;")
    filled = {"COMMANDS": quote(" ".join(parsers)), "CHOICES\n": "".join(f"{line}\n" for line in choices)}
    script = SCRIPT
    for place, text in {**filled, "OPTIONS": "\n".join(options)}.items():
        script = script.replace(place, text)
    return BEFORE[shell] + script

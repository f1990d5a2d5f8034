"""The command ``maskcon``, which is also ``python -m maskcon``.

maskcon                      the commands
maskcon COMMAND --help       what one takes

A command is a file of maskcon/commands/: its docstring's first line says what it does, add_arguments(parser) what it
takes, main(arguments) does it.
"""

import argparse
import ast
import os
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from maskcon import __version__
from maskcon.parameters.errors import UserError, mistakes_end_as_sentences

FOLDER = Path(__file__).parent / "commands"
INTERRUPTED = 130


def main(words: list[str] | None = None) -> None:
    """Run the command that ``words`` (by default the command line's) begin with.

    Exits with code 2 and one sentence on a user's mistake; a fault of the program keeps its traceback.
    """
    words = sys.argv[1:] if words is None else words
    import_module("maskcon.runtime.start")  # hides the warnings of libraries, unless MASKCON_VERBOSE is set
    try:
        with mistakes_end_as_sentences():
            _run(words)
        sys.stdout.flush()
    except BrokenPipeError:  # what read it has ended, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing is left to be said of it at exit
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _run(words: list[str]) -> None:
    name = words[0] if words else "--help"
    if not name.startswith("-") and name not in command_purposes():
        near = get_close_matches(name, command_purposes(), n=1)
        hint = f"did you mean {near[0]}?" if near else "the command maskcon alone lists what there is"
        raise UserError(f"there is no command {name}; {hint}")
    arguments = parser_with([name]).parse_args(words or ["--help"])
    arguments.main(arguments)


def command_purposes() -> dict[str, str]:
    """Command -> what it does, in a line. The files are read and not imported, which takes seconds for some."""
    docstrings = {
        path.stem: ast.get_docstring(ast.parse(path.read_text()))
        for path in sorted(FOLDER.glob("[!.]*.py"))
        if path.stem != "__init__"
    }
    return {name: text.splitlines()[0].rstrip(".") for name, text in docstrings.items()}


def parser_with(names: Iterable[str]) -> argparse.ArgumentParser:
    """What reads the command line; of the commands it lists, ``names`` are imported and know their arguments."""
    parser = _Parser(prog="maskcon", description="Fine retrieval learned from coarse labels.")
    parser.add_argument("-V", "--version", action="version", version=f"maskcon {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, purpose in command_purposes().items():
        one = commands.add_parser(name, help=purpose, description=f"{purpose}.")
        if name in names:
            command = import_module(f"maskcon.commands.{name}")
            command.add_arguments(one)
            one.set_defaults(main=command.main)
    return parser


class _Parser(argparse.ArgumentParser):
    """One whose complaints are sentences without the usage in front; argparse uses it for the commands too."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


if __name__ == "__main__":
    main()

"""The command beside the pipeline: python -m maskcon COMMAND; each is a file in maskcon/commands/.

python -m maskcon --help               what there is
python -m maskcon COMMAND --help       what it takes
"""

import argparse
import os
import sys
import warnings
from importlib import import_module
from types import ModuleType

from maskcon import __version__
from maskcon.parameters.errors import mistakes_end_as_sentences

# Command -> what it does, in a line. Its module, maskcon/commands/COMMAND.py with a dash written as underscore, has
# add_arguments(parser) and main(arguments), and is imported when it is called and no sooner.
COMMANDS: dict[str, str] = {
    "search": "images of the gallery that are nearest to your photos",
    "gallery": "one HTML page to look through the gallery: map, neighbours, confused classes",
    "export": "the encoder as ONNX, as torch.export, and as a model that MLflow serves",
    "plots": "DVC's plots, of one run or several, as a page that works without network",
    "dag": "the stages as a drawing that fits a terminal",
    "grid": "run a grid of experiments: methods x values x seeds, chosen on validation, scored on test",
    "tables": "methods side by side: tables and figures from the runs on record",
    "upload": "copies the complete runs of this checkout to an MLflow server",
    "clean": "lists and removes what interrupted runs have left",
    "completion": "a script by which bash or zsh completes these commands and their options",
}


def main(words: list[str] | None = None) -> None:
    """Run the command that ``words`` (by default the command line's) begin with.

    Exits with code 2 and the message alone on a user's mistake; a fault of the program keeps its traceback.
    """
    words = sys.argv[1:] if words is None else words
    overview = argparse.ArgumentParser(
        prog="python -m maskcon",
        usage="%(prog)s COMMAND ...",
        description="Fine retrieval learned from coarse labels: what to do with runs beside the pipeline.",
        epilog="commands:\n" + "\n".join(f"  {name:<10} {purpose}" for name, purpose in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    overview.add_argument("--version", action="version", version=f"maskcon {__version__}")
    overview.add_argument("command", metavar="COMMAND", choices=COMMANDS, help="one of those below")
    name = overview.parse_args(words[:1]).command

    command, parser = command_and_parser(name)
    with mistakes_end_as_sentences():
        command.main(parser.parse_args(words[1:]))


def command_and_parser(name: str) -> tuple[ModuleType, argparse.ArgumentParser]:
    """The module of a command, and what reads its arguments."""
    command = import_module(f"maskcon.commands.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(prog=f"python -m maskcon {name}", description=COMMANDS[name])
    command.add_arguments(parser)
    return command, parser


if __name__ == "__main__":
    if os.environ.get("MASKCON_VERBOSE", "") in ("", "0") and not sys.warnoptions:
        warnings.simplefilter("ignore")  # as stages/ does: what libraries warn of is kept away, unless it is asked for
    main()

"""Print a script that lets bash or zsh complete commands.

source <(maskcon completion bash)       # in ~/.bashrc; zsh likewise
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh"], help="the shell that you type in")


def main(arguments: argparse.Namespace) -> None:
    import shtab

    from maskcon.__main__ import command_purposes, parser_with

    print(shtab.complete(parser_with(command_purposes()), arguments.shell))

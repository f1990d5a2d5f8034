"""DVC's plots as a page that works without network."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from maskcon.errors import UserError

TEMPLATE = "template.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "revisions",
        nargs="*",
        metavar="REVISION",
        help="commits or experiments to compare (unless said: this folder's)",
    )
    parser.add_argument("--folder", type=Path, default=Path("exports/plots"), help="where the page goes (%(default)s)")


def main(arguments: argparse.Namespace) -> None:
    from maskcon.atomic_files import write_text
    from maskcon.plots_page import page_template

    template = arguments.folder / TEMPLATE
    write_text(template, page_template())
    kind = ["diff", *arguments.revisions] if arguments.revisions else ["show"]
    command = [sys.executable, "-m", "dvc", "plots", *kind]
    command += ["--html-template", str(template), "--out", str(arguments.folder)]
    ended = subprocess.run(command, env={"DVC_NO_ANALYTICS": "true", **os.environ}, stdout=subprocess.DEVNULL)
    if ended.returncode:
        raise UserError(f"dvc plots {' '.join(kind)} did not succeed, see above")
    print(f"{arguments.folder / 'index.html'}: open it in a browser; it needs no network")

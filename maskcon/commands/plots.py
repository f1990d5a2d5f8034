"""DVC's plots as a page that works without network."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from maskcon.parameters.errors import UserError

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
    from maskcon.explore.plots_page import has_plots, page_template
    from maskcon.runtime.atomic_files import write_text

    if not Path("dvc.yaml").exists():
        raise UserError("there is no dvc.yaml here; run it from the top of the checkout")
    template, page = arguments.folder / TEMPLATE, arguments.folder / "index.html"
    write_text(template, page_template())
    page.unlink(missing_ok=True)  # DVC leaves it as it was where there is nothing to draw
    kind = ["diff", *arguments.revisions] if arguments.revisions else ["show"]
    command = [sys.executable, "-m", "dvc", "plots", *kind]
    command += ["--html-template", str(template), "--out", str(arguments.folder)]
    ended = subprocess.run(command, env={"DVC_NO_ANALYTICS": "true", **os.environ}, capture_output=True, text=True)
    if not ended.returncode and not (page.exists() and has_plots(page.read_text())):
        page.unlink(missing_ok=True)
        raise UserError("nothing is recorded yet; make it with: dvc repro")
    print(ended.stderr, end="", file=sys.stderr)
    if ended.returncode:
        raise UserError(f"dvc plots {' '.join(kind)} did not succeed, see above")
    print(f"{page}: open it in a browser; it needs no network")

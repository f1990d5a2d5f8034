"""Which gallery a command works with: this folder's, or that of a recorded run. No command itself."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskcon.explore.gallery import Gallery


def add_gallery_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="ID", help="an MLflow run's encoder (unless said: the one in models/)")


def chosen_gallery(arguments: argparse.Namespace) -> "Gallery":
    """Raises: UserError, where there is none."""
    from maskcon.explore.gallery import recorded_gallery, workspace_gallery
    from maskcon.tracking.store import find_store

    checkout = Path.cwd()
    if arguments.run is None:
        return workspace_gallery(checkout)
    return recorded_gallery(find_store(checkout, os.environ), arguments.run, checkout)

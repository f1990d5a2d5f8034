"""Folders that trials run in: clones of the checkout as it is when a grid starts, with the checkout's DVC cache.

Whatever is edited while a grid runs, all its trials run the same code, and none writes into the checkout.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from dvc.repo import Repo

from maskcon.experiments.grid.trial import HASHES
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.git import told


class Workspaces:
    """Those of one call of a grid.

    Args:
        checkout: with its uncommitted changes, of which files unknown to git are no part.
        name: of the grid.
    """

    def __init__(self, checkout: Path, name: str):
        self.checkout = checkout.resolve()
        self.folder = self.checkout / ".dvc/tmp/grids" / name
        self.baseline = told(self.checkout, "rev-parse", "HEAD")
        self.commit = told(self.checkout, "stash", "create") or self.baseline
        with Repo(str(self.checkout)) as repo:
            self.cache = repo.cache.local.path

    def prepared(self, name: str, parameters: Mapping, hashes: Mapping[str, str]) -> Path:
        """The workspace ``name`` with the values and hashes of a trial; what trials share is left as it lies there."""
        workspace = self.folder / name
        if not (workspace / ".git").exists():
            shutil.rmtree(workspace, ignore_errors=True)
            told(self.checkout, "clone", "--quiet", "--shared", "--no-checkout", str(self.checkout), str(workspace))
        told(workspace, "checkout", "--quiet", "--force", "--detach", self.commit)
        links = f'[cache]\n    dir = "{self.cache}"\n    type = "reflink,symlink"\n'
        write_text(workspace / ".dvc/config.local", links)
        write_text(workspace / "params.yaml", json.dumps(parameters, indent=1))  # JSON is YAML
        write_text(workspace / HASHES, json.dumps(hashes))
        return workspace

    def environment(self) -> dict[str, str]:
        """What a trial must know besides: where store and checkpoints are, the commit that it started from, and which
        ``python`` the commands in dvc.yaml mean, whether or not the environment is activated."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return {"DVC_ROOT": str(self.checkout), "DVC_EXP_BASELINE_REV": self.baseline, "PATH": path}

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

"""A copy of this checkout, in a git repository of its own, to run the pipeline in with small parameters."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

from maskcon.parameters.composition import compose

REPOSITORY = Path(__file__).resolve().parents[2]
POINTING_ELSEWHERE = (
    *("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "DVC_STAGE"),
    *("PYTHONPATH", "MAKEFLAGS", "MAKELEVEL"),
)
SMALL = {  # file of conf/ -> its lines
    "config.yaml": {
        **{"- data": "digits", "- loss": "selfcon", "bootstrap_samples": 100},
        **{"tsne_images": 60, "tsne_perplexity": 5.0},
    },
    "train/short.yaml": {"epochs": 2, "warmup_epochs": 1, "queue_size": 256, "snapshot_epochs": 1},
}


def environment_of_a_copy() -> dict[str, str]:
    """This process's, pointing to no other checkout or store, with the programs of its Python."""
    clean = {name: value for name, value in os.environ.items() if name not in POINTING_ELSEWHERE}
    return clean | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), clean["PATH"]])}


class PipelineCopy:
    """A git repository with the pipeline, and the commands that people type in it."""

    def __init__(self, folder: Path):
        self.folder = folder

    def run(self, *command: str, timeout: float = 1200, **environment: str) -> str:
        """What the command prints. Raises: AssertionError, with that, where it fails."""
        with TemporaryFile("w+") as printed:  # not a pipe: the workers of a queue live on and would keep it open
            run = subprocess.run(
                command,
                cwd=self.folder,
                env={**environment_of_a_copy(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
            printed.seek(0)
            text = printed.read()
        assert run.returncode == 0, f"{' '.join(command)}\n{text}"
        return text

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "-qm", message)

    def configure(self, file: str, values: dict[str, object]) -> None:
        """Give lines of a file of conf/ other values, and compose params.yaml anew."""
        path = self.folder / "conf" / file
        text = path.read_text()
        for key, value in values.items():
            text, found = re.subn(rf"(?m)^( *{key}:).*$", rf"\1 {value}", text)
            assert found == 1, f"conf/{file} has {found} lines of {key}"
        path.write_text(text)
        (self.folder / "params.yaml").write_text(compose(self.folder / "conf", []))


def copy_files(folder: Path) -> None:
    """Copy the files that git knows or would add, without dvc.lock, whose results are in the cache of this checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if name != "dvc.lock" and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)


def copy_checkout(folder: Path) -> PipelineCopy:
    """A repository of its own with the files of this checkout, its parameters made small, one commit."""
    copy_files(folder)
    copy = PipelineCopy(folder)
    for file, values in SMALL.items():
        copy.configure(file, values)
    copy.run("git", "init", "-q")
    copy.commit("Copy")
    return copy

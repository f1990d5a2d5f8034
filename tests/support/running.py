"""Programs that a test starts, watches while they train, and ends."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile


def wait_until(holds: Callable[[], object], seconds: float = 180.0) -> None:
    """Wait for another process."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def newest_step(folder: Path) -> int:
    """The last step that trainings in a checkout have a checkpoint of."""
    return max((int(file.stem.split("_")[1]) for file in folder.glob(".scratch/*/step_*.ckpt")), default=0)


class Running:
    """A command in a process group of its own; what it prints is kept."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]):
        self.folder = folder
        self.printed = TemporaryFile("w+")  # noqa: SIM115  (closed when the object goes)
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_for_step(self, number: int) -> None:
        def is_there() -> bool:
            assert self.process.poll() is None, self.text()
            return newest_step(self.folder) >= number

        wait_until(is_there, seconds=1200)

    def text(self) -> str:
        self.printed.seek(0)
        return self.printed.read()

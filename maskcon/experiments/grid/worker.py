"""One experiment of a grid, as a process of its own: what both engines start.

python -m maskcon.experiments.grid.worker LOG dvc exp run --temp -S seed=1

DVC locks the checkout while an experiment begins and gives up after three seconds of waiting, so it is started again.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

LOCKED = b"Unable to acquire lock"
MOST_STARTS = 20


def run_command(command: list[str], log: Path, pause: float = 5.0) -> int:
    """The exit code of ``command``, whose output goes to ``log``; ``pause`` seconds at most lie between two starts."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    log.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(MOST_STARTS):
        with open(log, "wb") as output:
            process = subprocess.run(
                command,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if process.returncode == 0 or LOCKED not in log.read_bytes():
            break
        time.sleep(random.uniform(0, pause))
    return process.returncode


if __name__ == "__main__":
    signal.signal(signal.SIGINT, lambda *_: None)  # for the command, which this process waits for
    sys.exit(run_command(sys.argv[2:], Path(sys.argv[1])))

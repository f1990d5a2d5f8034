"""``mlflow server`` on PostgreSQL, as docs/sharing.md sets it up, for the tests of what machines share."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from maskcon.tracking.store import MLFLOW_SETTINGS
from tests.support.postgresql import free_port, programs, running_postgresql

PATIENCE = 300  # seconds; a machine that is free needs a tenth
POSTGRESQL_IS_THERE = [
    pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed; on Debian: apt install postgresql"),
    pytest.mark.skipif(
        importlib.util.find_spec("psycopg") is None, reason="pip install -r requirements-sharing.txt was not run"
    ),
]


class Server:
    """``mlflow server`` with a database, in a process group of its own."""

    def __init__(self, database: str, folder: Path):
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        self.command += ["--backend-store-uri", database, "--artifacts-destination", str(folder), "--workers", "1"]
        self.process = None

    def start(self) -> None:
        with open(os.devnull, "w") as nowhere:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **MLFLOW_SETTINGS},
                stdin=subprocess.DEVNULL,
                stdout=nowhere,
                stderr=nowhere,
                start_new_session=True,
            )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                with urlopen(f"{self.uri}/health", timeout=5) as answer:
                    assert answer.read() == b"OK"
                    return
            except (URLError, OSError):
                assert self.process.poll() is None, "mlflow server ended"
                time.sleep(0.3)
        raise AssertionError("mlflow server does not answer")

    def cut_off(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running_server(artifacts: Path) -> Iterator[Server]:
    """A server that answers, with an empty database of its own."""
    with running_postgresql() as database:
        server = Server(database, artifacts)
        server.start()
        try:
            yield server
        finally:
            server.cut_off()

"""``mlflow server`` on a PostgreSQL of its own, as docs/sharing.md sets it up, for the tests of what machines share."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from maskcon.tracking.store import MLFLOW_SETTINGS

PATIENCE = 300  # seconds; a machine that is free needs a tenth
DEBIAN = Path("/usr/lib/postgresql")  # its programs are not on the PATH there
PROGRAMS = Path(found).parent if (found := shutil.which("initdb")) else max(DEBIAN.glob("*/bin"), default=None)
POSTGRESQL_IS_THERE = [
    pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL is not installed; on Debian: apt install postgresql"),
    pytest.mark.skipif(importlib.util.find_spec("psycopg") is None, reason="needs requirements-sharing.txt"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running_postgresql() -> Iterator[str]:
    """The address of an empty database, as MLflow takes it."""
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="postgresql-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL does not run as root; Debian's package makes a user for it
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "--user", "postgres", "--"]

    def call(program: str, *words: object) -> None:
        command = [*as_user, str(PROGRAMS / program), "--pgdata", str(folder / "data"), *map(str, words)]
        subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)

    try:
        call("initdb", "--username", "maskcon", "--auth", "trust", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off"
        call("pg_ctl", "--log", folder / "log", "--options", options, "--wait", "start")
        try:
            yield f"postgresql://maskcon@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """``mlflow server`` with a database, in a process group of its own."""

    def __init__(self, database: str, folder: Path):
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        self.command += ["--backend-store-uri", database, "--artifacts-destination", str(folder), "--workers", "1"]

    def start(self) -> None:
        silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, **MLFLOW_SETTINGS}
        self.process = subprocess.Popen(self.command, env=environment, start_new_session=True, **silent)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(URLError, OSError), urlopen(f"{self.uri}/health", timeout=5):
                return
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

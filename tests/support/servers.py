"""Servers that tests start: what answers to HTTP, and a PostgreSQL, as docs/sharing.md sets it up for MLflow's."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

PATIENCE = 600  # seconds: on a busy machine importing MLflow alone takes minutes
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
def running_server(command: list[str], port: int, **options) -> Iterator[subprocess.Popen]:
    """MLflow's pages at this port, from when they answer until they are killed at the end of the block."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    try:
        end = time.monotonic() + PATIENCE
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.3)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError), urlopen(address, timeout=5):
        return True
    return False


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

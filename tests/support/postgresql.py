"""A PostgreSQL of one's own, made in a new folder and gone afterwards: for the tests that need a real database."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")  # its programs are not on the PATH there
UNSAFE_AND_FAST = "-c fsync=off -c full_page_writes=off"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl; None without PostgreSQL."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return next((path.parent for path in sorted(DEBIAN.glob("*/bin/initdb"), reverse=True)), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running_postgresql() -> Iterator[str]:
    """The address of an empty database, as MLflow takes it."""
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="postgresql-"))
    user = getpass.getuser()
    if user == "root":  # PostgreSQL does not run as root; Debian's package makes a user for it
        user = "postgres"
        shutil.chown(folder, user)
    data = folder / "data"
    try:
        _as(user, "initdb", "--pgdata", data, "--username", "maskcon", "--auth", "trust", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 {UNSAFE_AND_FAST}"
        _as(user, "pg_ctl", "--pgdata", data, "--log", folder / "log", "--options", options, "--wait", "start")
        try:
            yield f"postgresql://maskcon@127.0.0.1:{port}/postgres"
        finally:
            _as(user, "pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as(user: str, program: str, *arguments: object) -> None:
    command = [str(programs() / program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["runuser", "--user", user, "--", *command]
    ended = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if ended.returncode:
        raise RuntimeError(f"{program} did not succeed: {ended.stdout.decode(errors='replace')}")

import os
import socket
import sys

import pytest

from maskcon.commands.ui import main
from maskcon.parameters.errors import UserError
from tests.support.mlflow_server import free_port


@pytest.fixture
def started(monkeypatch, tmp_path):
    """The command and environment that would have replaced this process."""
    calls = []
    monkeypatch.setattr(os, "execvpe", lambda program, command, environment: calls.append((command, environment)))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return calls


def test_this_machine_alone_sees_the_store_of_this_checkout(started, tmp_path):
    port = str(free_port())
    main(port)
    [(command, environment)] = started
    assert command[:4] == [sys.executable, "-m", "mlflow", "ui"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == port
    assert command[command.index("--backend-store-uri") + 1] == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert (tmp_path / "mlflow").is_dir()  # SQLite makes the file, not its folder


def test_a_server_has_pages_of_its_own(started, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://tracking.example")
    with pytest.raises(SystemExit, match=r"open https://tracking\.example"):
        main("5000")
    assert started == []


@pytest.mark.parametrize("port", ["99999", "65536", "0", "-1", "5000.5", "http", "", "²"])
def test_no_port(started, port):
    with pytest.raises(UserError, match=rf"^PORT={port} is not allowed: it should be a whole number from 1 to 65535$"):
        main(port)
    assert started == []


def test_a_port_that_is_taken(started, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(UserError, match=rf"^PORT={port} cannot be used \(Address already in use\); name another"):
            main(str(port))
    assert started == []
    assert list(tmp_path.iterdir()) == []

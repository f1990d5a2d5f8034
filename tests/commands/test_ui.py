import os
import socket
import sys

import pytest

from maskcon.__main__ import main


@pytest.fixture
def started(monkeypatch, tmp_path):
    """The command and environment that would have replaced this process."""
    calls = []
    monkeypatch.setattr(os, "execvpe", lambda program, command, environment: calls.append((command, environment)))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return calls


def test_only_this_machine_sees_the_store_of_this_checkout(started, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    main(["ui", "--port", port])
    [(command, environment)] = started
    assert command[:4] == [sys.executable, "-m", "mlflow", "ui"]
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert (options["--host"], options["--port"]) == ("127.0.0.1", port)
    assert options["--backend-store-uri"] == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert (tmp_path / "mlflow").is_dir()  # SQLite makes the file, not its folder


def test_a_server_has_its_own_pages(started, monkeypatch, refusal):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://tracking.example")
    assert "open https://tracking.example" in refusal("ui")
    assert started == []


@pytest.mark.fault
def test_a_port_that_is_taken(started, tmp_path, refusal):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert f"port {port} cannot be used ([Errno 98] Address already in use" in refusal("ui", f"--port={port}")
    assert "port 65536 cannot be used (" in refusal("ui", "--port=65536")
    assert started == []
    assert list(tmp_path.iterdir()) == []

import os
import sys

import pytest

from stages.tracking_ui import main


@pytest.fixture
def started(monkeypatch, tmp_path):
    """The command and environment that would have replaced this process."""
    calls = []
    monkeypatch.setattr(os, "execvpe", lambda program, command, environment: calls.append((command, environment)))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return calls


def test_this_machine_alone_sees_the_store_of_this_checkout(started, tmp_path):
    main(port=5001)
    [(command, environment)] = started
    assert command[:4] == [sys.executable, "-m", "mlflow", "ui"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "5001"
    assert command[command.index("--backend-store-uri") + 1] == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert (tmp_path / "mlflow").is_dir()  # SQLite makes the file, not its folder


def test_a_server_has_pages_of_its_own(started, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://tracking.example")
    with pytest.raises(SystemExit, match=r"open https://tracking\.example"):
        main(port=5001)
    assert started == []

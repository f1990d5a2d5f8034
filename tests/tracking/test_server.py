"""An MLflow server that is slow, or gone while training runs: nothing waits for it, and nothing is lost.

The server is MLflow's own, in a thread of the test, behind a gate that the test closes.
"""

import threading
import time

import pytest
from werkzeug.serving import make_server

from maskcon.runtime.live import show_live_curves
from maskcon.tracking.record import Inputs, record_run
from maskcon.tracking.store import StoreError, find_store
from tests.runtime.test_live import points, until
from tests.tracking.finished_checkout import CURVE, parameters_with, write_rows
from tests.tracking.recorded_runs import all_runs, assert_complete_without_doubles

pytestmark = pytest.mark.slow

PATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}  # the machine may be busy


class Gate:
    """A WSGI application in front of another: open, shut (502 from a proxy), or slow."""

    def __init__(self, application):
        self.application = application
        self.state = "open"
        self.requests = 0

    def __call__(self, environment, start_response):
        self.requests += 1
        if self.state == "slow":
            time.sleep(3)
        if self.state == "shut":
            start_response("502 Bad Gateway", [("Content-Type", "text/plain")])
            return [b"no server behind the proxy"]
        return self.application(environment, start_response)


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    patch = pytest.MonkeyPatch()
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/server.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    }.items():
        patch.setenv(name, value)
    from mlflow.server import app

    yield app
    patch.undo()


@pytest.fixture
def gate(application, monkeypatch):
    gate = Gate(application)
    server = make_server("127.0.0.1", 0, gate, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)
    gate.uri = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", gate.uri)
    yield gate
    server.shutdown()


def parts(checkout, gate, seed):
    return Inputs.of(checkout, parameters_with(seed=seed)), find_store(checkout, {"MLFLOW_TRACKING_URI": gate.uri})


def runs_of_seed(store, seed):
    return [run for run in all_runs(store) if run.data.params["seed"] == str(seed)]


def test_gone_in_mid_run_then_back(checkout, gate, tmp_path, capfd):
    """Seen live until the server goes; training and its table go on; the stage track completes the same run later."""
    inputs, store = parts(checkout, gate, seed=1)
    curve = tmp_path / "curve.csv"
    with show_live_curves(curve, checkout, enabled=True):
        write_rows(curve, CURVE[:1])
        until(lambda: points(store) == [(1, 3.5)])
        gate.state = "shut"
        write_rows(curve, CURVE)
        seen = gate.requests
        until(lambda: gate.requests > seen)
    with store.writing(inputs.hash, wait=60):
        pass  # the follower has ended
    with pytest.raises(StoreError, match=r"does not work \(.*502"):
        record_run(store, inputs, checkout, {})
    [warning] = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning")]
    assert "Training goes on; the stage track records it all." in warning

    gate.state = "open"
    record_run(store, inputs, checkout, {})
    [run] = runs_of_seed(store, 1)
    assert_complete_without_doubles(store, run)


def test_a_slow_server_is_not_waited_for(checkout, gate, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    inputs, store = parts(checkout, gate, seed=2)
    gate.state = "slow"
    with pytest.raises(StoreError, match=r"(?i)timed? ?out"):
        record_run(store, inputs, checkout, {})

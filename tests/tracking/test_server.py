"""MLflow's own server, gone in mid-run and back, or slow: nothing waits for it, and nothing is lost or doubled."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maskcon.tracking.record import Inputs, record_run
from maskcon.tracking.store import MLFLOW_SETTINGS, StoreError, find_store
from tests.support.servers import PATIENCE, POSTGRESQL_IS_THERE, free_port, running_postgresql, running_server
from tests.tracking.finished_checkout import REPOSITORY, make_checkout, parameters_with
from tests.tracking.recorded_runs import all_runs, assert_complete_without_doubles

pytestmark = pytest.mark.slow
WORKERS, RUNS_OF_A_WORKER = 4, 2

# A worker stands for a machine: a checkout of its own, whose runs are seen live and recorded, as the pipeline does.
WORKER = """
import json, sys, time
from pathlib import Path
from maskcon.runtime.atomic_files import write_table
from maskcon.runtime.live import show_live_curves
from maskcon.tracking.record import Inputs, record_run
from maskcon.tracking.store import StoreError, find_store
from tests.tracking.finished_checkout import CURVE, parameters_with

checkout, uri, seeds = Path(sys.argv[1]), sys.argv[2], [int(seed) for seed in sys.argv[3:]]
store = find_store(checkout, {"MLFLOW_TRACKING_URI": uri})
for seed in seeds:
    parameters = parameters_with(seed=seed)
    (checkout / "params.yaml").write_text(json.dumps(parameters.model_dump(mode="json")))
    curve = checkout / f"curve_{seed}.csv"
    with show_live_curves(curve, checkout, enabled=True):
        for epoch in range(1, len(CURVE) + 1):
            write_table(curve, CURVE[:epoch])
            time.sleep(0.5)
    print("trained", seed, flush=True)
    for attempt in range(100):
        try:
            record_run(store, Inputs.of(checkout, parameters), checkout, {})
            break
        except StoreError:
            time.sleep(1)
    print("recorded", seed, flush=True)
"""


@pytest.fixture
def serving(tmp_path, monkeypatch):
    """A function of a database's address: a server on it, as ``running_server``; and the address of the server."""
    port, folder = free_port(), tmp_path / "server"
    folder.mkdir()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")  # the machine may be busy

    def serve(database=f"sqlite:///{folder}/server.db"):
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--backend-store-uri", database, "--artifacts-destination", str(folder), "--workers", "1"]
        silent = {"env": {**os.environ, **MLFLOW_SETTINGS}, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return running_server(command, port, **silent)

    return serve, f"http://127.0.0.1:{port}"


def start_worker(number: int, uri: str, folder: Path) -> subprocess.Popen:
    checkout = make_checkout(folder / f"machine_{number}")
    seeds = [str(number * RUNS_OF_A_WORKER + run) for run in range(RUNS_OF_A_WORKER)]
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(checkout), uri, *seeds],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "MLFLOW_TRACKING_URI": uri},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.fault
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=POSTGRESQL_IS_THERE)])
def test_eight_experiments_of_four_workers_while_the_server_is_cut_off(serving, tmp_path, database):
    """Seen live until the server goes; training goes on; the same runs are completed later."""
    serve, uri = serving
    with running_postgresql() if database == "postgresql" else contextlib.nullcontext() as address:
        addresses = [address] if address else []
        with serve(*addresses):
            workers = [start_worker(number, uri, tmp_path) for number in range(WORKERS)]
            assert workers[0].stdout.readline().startswith("trained")  # some are seen live, some are being recorded
        time.sleep(3)  # cut off
        with serve(*addresses):
            for worker in workers:
                printed, errors = worker.communicate(timeout=PATIENCE)
                assert worker.returncode == 0, errors
                assert "recorded" in printed
                assert "Traceback" not in errors
                assert "View run" not in printed + errors  # of MLflow, about each run that ends
            store = find_store(tmp_path, {"MLFLOW_TRACKING_URI": uri})
            runs = all_runs(store)
            assert sorted(int(run.data.params["seed"]) for run in runs) == list(range(WORKERS * RUNS_OF_A_WORKER))
            for run in runs:
                assert_complete_without_doubles(store, run)


@pytest.mark.fault
def test_a_slow_server_is_not_waited_for(checkout, serving, monkeypatch):
    serve, uri = serving
    with serve() as server:
        os.killpg(server.pid, signal.SIGSTOP)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        store = find_store(checkout, {"MLFLOW_TRACKING_URI": uri})
        with pytest.raises(StoreError, match=r"(?i)timed? ?out"):
            record_run(store, Inputs.of(checkout, parameters_with(seed=2)), checkout, {})

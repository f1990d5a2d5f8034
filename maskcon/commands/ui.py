"""Show the runs of this checkout in MLflow, on this machine."""

import argparse
import os
import socket
import sys
from pathlib import Path

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import load_parameters
from maskcon.tracking.description import runs_address
from maskcon.tracking.store import MLFLOW_SETTINGS, find_store

HERE = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=5000, help="where MLflow listens (%(default)s)")


def main(arguments: argparse.Namespace) -> None:
    store = find_store(Path.cwd(), os.environ)
    if store.artifacts is None:
        raise UserError(f"MLFLOW_TRACKING_URI names a server that has its own pages; open {store.uri}")
    _require_free(arguments.port)
    with store.opened() as client:  # made where it is missing, and brought here where the checkout was moved
        runs = _list_of_runs(client)
    address = f"http://{HERE}:{arguments.port}/{runs}"
    print(f"In a few seconds the runs are at {address} (Ctrl-C ends it)", flush=True)
    command = ["mlflow", "ui", "--backend-store-uri", store.uri, "--default-artifact-root", store.artifacts]
    command += ["--host", HERE, "--port", str(arguments.port), "--workers", "1"]
    command += ["--uvicorn-opts", "--log-level warning"]  # no line for every GET
    quiet = {"PYTHONWARNINGS": "ignore:starlette.middleware.wsgi is deprecated"}
    os.execvpe(sys.executable, [sys.executable, "-m", *command], {**MLFLOW_SETTINGS, **quiet, **os.environ})


def _list_of_runs(client) -> str:
    """Where in MLflow's pages the runs of this folder's image set are listed; empty where none is recorded."""
    try:
        name = load_parameters(Path("params.yaml")).data.name
    except UserError:  # the runs can be looked at without it
        return ""
    experiment = client.get_experiment_by_name(name)
    return runs_address(experiment.experiment_id) if experiment else ""


def _require_free(port: int) -> None:
    """Raises: UserError, where nothing can listen there; MLflow would print a traceback, seconds later."""
    try:
        socket.create_server((HERE, port)).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"port {port} cannot be used ({error}); name another: make ui PORT=5001") from None

"""Show the runs of this checkout in MLflow, on this machine."""

import argparse
import os
import socket
import sys
from pathlib import Path

from maskcon.parameters.errors import UserError
from maskcon.tracking.store import MLFLOW_SETTINGS, StoreError, find_store

HERE = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=5000, help="where MLflow listens (%(default)s)")


def main(arguments: argparse.Namespace) -> None:
    store = find_store(Path.cwd(), os.environ)
    if store.artifacts is None:
        raise UserError(f"MLFLOW_TRACKING_URI names a server that has its own pages; open {store.uri}")
    _require_free(arguments.port)
    try:
        with store.opened():  # made where it is missing, and brought here where the checkout was moved
            pass
    except StoreError as error:
        raise UserError(str(error)) from None
    print(f"MLflow answers in a few seconds at http://{HERE}:{arguments.port} (Ctrl-C ends it)", flush=True)
    command = ["mlflow", "ui", "--backend-store-uri", store.uri, "--default-artifact-root", store.artifacts]
    command += ["--host", HERE, "--port", str(arguments.port), "--workers", "1"]
    os.execvpe(sys.executable, [sys.executable, "-m", *command], {**MLFLOW_SETTINGS, **os.environ})


def _require_free(port: int) -> None:
    """Raises: UserError, where nothing can listen there; MLflow would print a traceback, seconds later."""
    try:
        socket.create_server((HERE, port)).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"port {port} cannot be used ({error}); name another: make ui PORT=5001") from None

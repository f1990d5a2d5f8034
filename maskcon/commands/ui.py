"""Show the runs of this checkout in MLflow, on this machine."""

import argparse
import os
import socket
import sys
from pathlib import Path

from maskcon.parameters.errors import UserError
from maskcon.tracking.store import MLFLOW_SETTINGS, StoreError, find_store

HERE = "127.0.0.1"
HIGHEST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", default="5000", help="where MLflow listens (%(default)s)")


def main(arguments: argparse.Namespace) -> None:
    port = arguments.port
    store = find_store(Path.cwd(), os.environ)
    if store.artifacts is None:
        raise UserError(f"MLFLOW_TRACKING_URI names a server that has its own pages; open {store.uri}")
    _require_free(port)
    try:
        with store.opened():  # made where it is missing, and brought here where the checkout was moved
            pass
    except StoreError as error:
        raise UserError(str(error)) from None
    print(f"MLflow answers in a few seconds at http://{HERE}:{port} (Ctrl-C ends it)", flush=True)
    command = ["mlflow", "ui", "--backend-store-uri", store.uri, "--default-artifact-root", store.artifacts]
    command += ["--host", HERE, "--port", port, "--workers", "1"]
    os.execvpe(sys.executable, [sys.executable, "-m", *command], {**MLFLOW_SETTINGS, **os.environ})


def _require_free(port: str) -> None:
    """Raises: UserError, where nothing can listen there; MLflow would print a traceback, seconds later."""
    if not (port.isdecimal() and 1 <= int(port) <= HIGHEST_PORT):
        raise UserError(f"port {port} is not allowed: it should be a whole number from 1 to {HIGHEST_PORT}")
    try:
        socket.create_server((HERE, int(port))).close()
    except OSError as error:
        reason = os.strerror(error.errno)
        raise UserError(f"port {port} cannot be used ({reason}); name another: make ui PORT=5001") from None

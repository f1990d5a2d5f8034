"""MLflow's pages, on this machine alone, with the runs of this checkout. Not a stage.

python -m maskcon.commands.ui --port 5000
"""

import argparse
import os
import socket
import sys
from pathlib import Path

from maskcon.parameters.errors import UserError, mistakes_end_as_sentences
from maskcon.tracking.store import MLFLOW_SETTINGS, find_store

HERE = "127.0.0.1"
HIGHEST_PORT = 65535


def main(port: str) -> None:
    store = find_store(Path("."), os.environ)
    if store.artifacts is None:
        sys.exit(f"MLFLOW_TRACKING_URI names a server that has pages of its own; open {store.uri}")
    _require_free(port)
    store.folder.mkdir(parents=True, exist_ok=True)
    print(f"MLflow answers in some seconds at http://{HERE}:{port} (Ctrl-C ends it)", flush=True)
    command = ["mlflow", "ui", "--backend-store-uri", store.uri, "--default-artifact-root", store.artifacts]
    command += ["--host", HERE, "--port", port, "--workers", "1"]
    os.execvpe(sys.executable, [sys.executable, "-m", *command], {**MLFLOW_SETTINGS, **os.environ})


def _require_free(port: str) -> None:
    """Raises: UserError, where nothing can listen there; of MLflow it would be a traceback, seconds later."""
    if not (port.isdecimal() and 1 <= int(port) <= HIGHEST_PORT):
        raise UserError(f"PORT={port} is not allowed: it should be a whole number from 1 to {HIGHEST_PORT}")
    try:
        socket.create_server((HERE, int(port))).close()
    except OSError as error:
        raise UserError(
            f"PORT={port} cannot be used ({os.strerror(error.errno)}); name another: make ui PORT=5001"
        ) from None


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", default="5000")
    with mistakes_end_as_sentences():
        main(arguments.parse_args().port)

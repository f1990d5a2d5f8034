"""MLflow's pages, on this machine alone, with the runs of this checkout. Not a stage.

python -m stages.tracking_ui --port 5000
"""

import argparse
import os
import sys
from pathlib import Path

from maskcon.tracking.store import MLFLOW_SETTINGS, find_store


def main(port: int) -> None:
    store = find_store(Path("."), os.environ)
    if store.artifacts is None:
        sys.exit(f"MLFLOW_TRACKING_URI names a server that has pages of its own; open {store.uri}")
    store.folder.mkdir(parents=True, exist_ok=True)
    print(f"MLflow answers in some seconds at http://127.0.0.1:{port} (Ctrl-C ends it)", flush=True)
    command = ["mlflow", "ui", "--backend-store-uri", store.uri, "--default-artifact-root", store.artifacts]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    os.execvpe(sys.executable, [sys.executable, "-m", *command], {**MLFLOW_SETTINGS, **os.environ})


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=5000)
    main(arguments.parse_args().port)

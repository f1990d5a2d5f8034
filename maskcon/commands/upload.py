"""Copy the complete runs of this checkout to an MLflow server."""

import argparse
import os
from pathlib import Path

from maskcon.parameters.errors import UserError

NO_RUNS = "nothing is recorded yet: this checkout has no runs of its own to upload; make one with: dvc repro"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("uri", metavar="URI", help="of the server, such as https://runs.example.org")


def main(arguments: argparse.Namespace) -> None:
    from maskcon.tracking.store import StoreError, find_store, is_address
    from maskcon.tracking.upload import upload_runs

    if not is_address(arguments.uri):
        raise UserError(
            f"{arguments.uri} is not the address of a tracking server; expected http(s)://HOST, or a database such as "
            "postgresql://USER:PASSWORD@HOST/NAME"
        )
    checkout = Path(os.environ.get("DVC_ROOT") or Path.cwd())
    source = find_store(checkout, {})
    target = find_store(checkout, {"MLFLOW_TRACKING_URI": arguments.uri})
    if not (checkout / "mlflow/mlflow.db").exists():  # asking for its runs would make it
        raise UserError(NO_RUNS)
    if target.uri == source.uri:
        raise UserError(f"{arguments.uri} is this checkout's own store; name the one that the runs are to be copied to")
    copied = present = 0
    try:
        for run in upload_runs(source, target):
            copied, present = copied + (not run.was_there), present + run.was_there
            if not run.was_there:
                print(f"copied {run.experiment} / {run.run_name}", flush=True)
    except StoreError as error:
        raise UserError(f"{error}; {copied} runs were copied, and the same command copies the rest") from None
    if not copied + present:
        raise UserError(NO_RUNS)
    print(f"{copied} runs copied to {arguments.uri}, {present} were there")
    print(f"to record new runs there: export MLFLOW_TRACKING_URI={arguments.uri}")

"""Stage track: one complete MLflow run from the files of the other stages.

A store that cannot be used does not fail the pipeline: the results are on disk, and an experiment that fails would
lose them (``dvc exp run --temp`` discards it). One sentence says how to upload them later.
"""

import os
import sys
from pathlib import Path

from maskcon.parameters.model import Parameters
from maskcon.runtime.entry import run_stage
from maskcon.runtime.same_inputs import require_one_set_of_inputs
from maskcon.tracking.record import Inputs, record_run
from maskcon.tracking.store import StoreError, find_store


def main(parameters: Parameters) -> None:
    checkout = Path.cwd()
    require_one_set_of_inputs(checkout)
    store = find_store(Path(os.environ.get("DVC_ROOT") or checkout), os.environ)
    try:
        run = record_run(store, Inputs.of(checkout, parameters), checkout, os.environ)
    except StoreError as error:
        print(f"warning: not recorded in MLflow: {error}. {upload_later(os.environ)}", file=sys.stderr)
        return
    print(f"{'Already recorded' if run.was_complete else 'Recorded'} in MLflow: {run.experiment} / {run.run_name}")
    if not run.same_results:
        print(
            f"warning: run {run.run_id} had other results from the same inputs and keeps them; delete it in MLflow "
            "and call dvc repro track to record these",
            file=sys.stderr,
        )


def upload_later(environment) -> str:
    """How a person records the results once the store works again."""
    experiment = environment.get("DVC_EXP_NAME")
    apply = f"dvc exp apply {experiment} && " if experiment else ""
    return f"The results are on disk; record them later with: {apply}dvc repro track"


if __name__ == "__main__":
    run_stage(main)

"""One run of a grid in its workspace: what both engines start, as ``python -m maskcon.experiments.grid.trial``.

The stages up to features are DVC's, made once for all trials that need the same. Those after them run here in one
process: on stored features a training takes seconds, and so many stages would take longer to start. Figures, report and
the files of the record are left to ``dvc exp run`` with the same values.
"""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters
from maskcon.runtime.entry import run_stage
from maskcon.runtime.interruption import Interruptions

SHARED = "features"  # the last of the stages that trials share
OWN = ("pretrain", "embed", "evaluate", "measure")
HASHES = Path("trial.json")  # of the trial's inputs: what the grid knows it by, see on_record.py
KEPT = Path(".dvc/tmp/scores_before_training")  # of the trials that ran here, all by the same code
MADE = Path("shared.txt")  # the hash of the shared outputs that lie here


def run_trial(parameters: Parameters, interruptions: Interruptions) -> None:
    """Run and record what params.yaml and trial.json of the current folder describe.

    Raises:
        UserError: a stage failed; of a shared one DVC has printed why.
        StoreError: the store cannot be used.
    """
    hashes = json.loads(HASHES.read_text())
    if not MADE.exists() or MADE.read_text() != hashes[SHARED]:
        MADE.unlink(missing_ok=True)
        made = subprocess.run([sys.executable, "-m", "dvc", "repro", SHARED], stdin=subprocess.DEVNULL)
        if made.returncode:
            raise UserError(f"stage {SHARED} or one before it failed, see above")
        MADE.write_text(hashes[SHARED])
    others = {"pretrain": [interruptions], "embed": [parameters.evaluate.parts_needed], "evaluate": [KEPT]}
    for name in OWN:
        print(f"Running stage '{name}'", flush=True)
        import_module(f"stages.{name}").main(parameters, *others.get(name, []))
    _record(parameters, hashes)


def _record(parameters: Parameters, hashes: dict[str, str]) -> None:
    from maskcon.tracking.record import Inputs, record_run
    from maskcon.tracking.store import find_store

    store = find_store(Path(os.environ["DVC_ROOT"]), os.environ)
    inputs = Inputs(parameters, hashes["inputs"], hashes["training"])
    record_run(store, inputs, Path.cwd(), os.environ, with_files=False)


if __name__ == "__main__":
    interruptions = Interruptions()
    run_stage(lambda parameters: run_trial(parameters, interruptions), interruptions)

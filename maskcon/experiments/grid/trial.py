"""The runs of a grid in a workspace: what both engines start, as ``python -m maskcon.experiments.grid.trial``.

The stages up to features are DVC's, made once for all trials that need the same. On stored features a training takes
seconds, and starting things would take longer: so the stages after them run in one process, forked from one that has
loaded the libraries, once for all runs of a workspace. Figures, report and the files of the record are left to
``dvc exp run`` with the same values.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters
from maskcon.runtime.entry import run_stage
from maskcon.runtime.interruption import Interruptions

SHARED = "features"  # the last of the stages that trials share
OWN = ("pretrain", "embed", "evaluate", "measure")
HASHES = Path("trial.json")  # of the trial's inputs: what the grid knows it by, see on_record.py
KEPT = Path(".dvc/tmp/before_training")  # scores before training of the trials that ran here, all by the same code
MADE = Path("shared.txt")  # the hash of the shared outputs that lie here
LIBRARIES = (  # torch.optim loads torch._dynamo at its first step
    *("maskcon.tracking.record", "maskcon.tracking.store", "mlflow.tracking", "sklearn.linear_model"),
    *("timm", "torch", "torch._dynamo"),
)


def one_for_each_line(run: Callable[[], None]) -> None:
    """Call ``run`` for each line of standard input, in a process forked from this one; the line is the path of its log.

    Its exit code is written to standard output.
    """
    for line in sys.stdin:
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        log = os.open(line.rstrip("\n"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for opened, stream in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
            os.dup2(opened, stream)
        run()
        sys.exit()


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
    others = {
        "pretrain": [interruptions],
        "embed": [parameters.evaluate.parts_needed],
        "evaluate": [KEPT],
        "measure": [parameters.evaluate.measures, KEPT],
    }
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


def main() -> None:
    interruptions = Interruptions()
    run_stage(lambda parameters: run_trial(parameters, interruptions), interruptions)


if __name__ == "__main__":
    for library in (*(f"stages.{name}" for name in OWN), *LIBRARIES):
        import_module(library)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # told to the runs, which end in order, and this process after them
    one_for_each_line(main)

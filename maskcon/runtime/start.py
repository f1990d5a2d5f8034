"""What must be set before any library is loaded; imported first by every stage (stages/__init__.py).

Loading the libraries takes some seconds. Ctrl-C or SIGTERM meanwhile ends the stage at once, as nothing is at work yet.

With MASKCON_VERBOSE=1 (make repro VERBOSE=1) stages print more, and the warnings of libraries.
"""

import gc
import os
import signal
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import FrameType


def end_at_once_until_work_begins() -> None:
    """For SIGINT and SIGTERM, until maskcon.runtime.interruption takes over; what nohup and the like have set stays."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end_at_once)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    # No exception: one that is raised within an import may be taken for a library that is missing.
    print(interrupted_line(signal.Signals(number).name, os.environ), file=sys.stderr, flush=True)
    os._exit(128 + number)


def interrupted_line(reason: str, environment: Mapping[str, str]) -> str:
    """What was done and what a person types now; an experiment in the workspace has changed params.yaml besides."""
    line = f"interrupted ({reason}): the same command goes on where this one ended"
    experiment = environment.get("DVC_EXP_NAME")
    in_workspace = experiment and Path(environment.get("DVC_ROOT", "")).resolve() == Path.cwd()
    if in_workspace:
        line += "; params.yaml holds the values of this experiment until then: git checkout params.yaml restores it"
    return line


if sys.argv[0] == "-m":  # python -m stages.NAME, which imports this package first; not an import by something else
    end_at_once_until_work_begins()
    gc.disable()  # until work begins: looking for garbage took a tenth to a quarter of the time to load libraries

VERBOSE = os.environ.get("MASKCON_VERBOSE", "") not in ("", "0")
if not VERBOSE and not sys.warnoptions:
    warnings.simplefilter("ignore")

# A thread that waits for work looks for it so many times, a moment, then sleeps. Sleeping at once makes steps of a
# small encoder a quarter slower; looking for long, as is usual, keeps trainings that share the cores from working.
LOOKS_FOR_WORK = "1000"
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", LOOKS_FOR_WORK)

"""An interruption while a stage still loads its libraries, some seconds: nothing is at work yet, so it ends at once.

Imported before any library, hence by start.py; it needs nothing that takes time to load.
"""

import os
import signal
import sys
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

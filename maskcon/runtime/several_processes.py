"""A stage as several processes on this machine, started and watched by torch's elastic launcher, as torchrun does it.

    if done_by_several("stages.pretrain", parameters.train.processes):    # as many as that did what there was to do
        return

The first process shows its output; those of the others go to files, of which an error is shown here. When one ends
before its time the launcher ends the others. It is imported only where there are several.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from maskcon.parameters.errors import LOST_EXIT_CODE, USER_ERROR_EXIT_CODE
from maskcon.runtime.start import VERBOSE

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

# How processes end that lost another one, or that the launcher ends because of it.
CONSEQUENCES = {LOST_EXIT_CODE, -signal.SIGTERM, 128 + signal.SIGTERM}


def done_by_several(module: str, number: int) -> bool:
    """Run ``python -m module`` as so many processes, unless they are one, or this process is one of them already."""
    if number == 1 or started_as_one_of_several():
        return False
    _run_as_several(module, number)
    return True


def started_as_one_of_several() -> bool:
    """Whether torchrun, or train.processes, started this process; it says so in the environment."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _run_as_several(module: str, number: int) -> None:
    """Exits, with the exit code of the process that ended first, unless all ended well."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    if not VERBOSE:  # what the launcher says is said below; each of its loggers has a level of its own
        for name in [name for name in logging.root.manager.loggerDict if name.startswith("torch.distributed.elastic")]:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(len(os.sched_getaffinity(0)) // number, 1)))
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # the machine's own name may lead nowhere
    with tempfile.TemporaryDirectory(prefix="maskcon-processes-") as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=number,
            run_id="maskcon",
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,  # it goes on when a person says so
            logs_specs=DefaultLogsSpecs(folder, redirects=dict.fromkeys(range(1, number), Std.ALL)),
        )
        try:
            elastic_launch(config, sys.executable)("-m", module)
        except SignalException as asked_to_end:
            sys.exit(128 + asked_to_end.sigval)
        except ChildFailedError as error:
            rank, failure = first_cause(error.failures)
            if rank > 0 or failure.exitcode < 0:
                print(told(rank, number, failure, Path(folder)), end="", file=sys.stderr, flush=True)
            sys.exit(failure.exitcode if failure.exitcode > 0 else USER_ERROR_EXIT_CODE)


def first_cause(failures: dict[int, ProcessFailure]) -> tuple[int, ProcessFailure]:
    """Rank and failure of the process that the others ended because of; the first one's, where all have the same."""
    return min(failures.items(), key=lambda item: (item[1].exitcode in CONSEQUENCES, item[0]))


def told(rank: int, number: int, failure: ProcessFailure, folder: Path) -> str:
    """What a process had to say: its standard error, or the signal that ended it."""
    which = f"process {rank + 1} of {number}"
    if failure.exitcode < 0:
        name = signal.Signals(-failure.exitcode).name
        return (
            f"error: {which} was ended from outside ({name}; the system does so where memory runs out), and the others "
            "with it; the same command goes on\n"
        )
    written = "".join(file.read_text(errors="replace") for file in sorted(folder.glob(f"**/{rank}/stderr.log")))
    return f"{which} ended the others:\n{written}"

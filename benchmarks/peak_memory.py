"""How much memory a piece of work takes, measured in a process of its own.

    result, mebibytes = peak_of("benchmarks.cases.retrieval:ours_recall", folder)

The process reads its data from files, so that making them is not counted; it notes what it holds before the work begins
and how much it held at most until the end. The difference is what the work itself takes. On CUDA it is the memory that
torch's allocator handed out, likewise.

As a program (``python -m benchmarks.peak_memory FUNCTION FOLDER``) it is that process.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

MEBIBYTE = 2**20
STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_HIGH_WATER_MARK = "5"  # Linux, proc(5)
SAMPLING_SECONDS = 0.01


def peak_of(function: str, folder: Path, threads: int | None = None) -> tuple[Any, float]:
    """What ``function`` of the data in ``folder`` returns, and the mebibytes that it took.

    Args:
        function: "module:name"; called with the folder it returns the work, a function without arguments.
        threads: of torch; as many as there are cores, unless said.

    Raises:
        RuntimeError: the process failed; its last lines are in the message.
    """
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak_memory", function, str(folder)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env=os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {}),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"{function} failed: {finished.stderr[-800:]}")
    answer = json.loads(finished.stdout.splitlines()[-1])
    return answer["result"], answer["mebibytes"]


def measured(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result of ``work`` and the mebibytes of resident memory that it took at most beyond those held before."""
    before = _mebibytes("VmRSS")
    try:
        CLEAR.write_text(RESET_HIGH_WATER_MARK)
    except OSError:  # not every system lets a process do that
        return _sampled(work, before)
    result = work()
    return result, max(_mebibytes("VmHWM") - before, 0.0)


def _sampled(work: Callable[[], Any], before: float) -> tuple[Any, float]:
    """As ``measured``, by looking often."""
    highest, done = [before], threading.Event()

    def look() -> None:
        while not done.wait(SAMPLING_SECONDS):
            highest[0] = max(highest[0], _mebibytes("VmRSS"))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    result = work()
    done.set()
    watcher.join()
    return result, max(highest[0], _mebibytes("VmRSS")) - before


def _mebibytes(field: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def _measured_on_cuda(work: Callable[[], Any]) -> tuple[Any, float]:
    import torch

    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    result = work()
    torch.cuda.synchronize()
    return result, (torch.cuda.max_memory_allocated() - before) / MEBIBYTE


def main() -> None:
    function, folder = sys.argv[1:]
    module, name = function.split(":")
    work = getattr(import_module(module), name)(Path(folder))
    torch = sys.modules.get("torch")
    on_cuda = torch is not None and torch.cuda.is_available() and torch.cuda.memory_allocated() > 0
    result, mebibytes = (_measured_on_cuda if on_cuda else measured)(work)
    print(json.dumps({"result": result, "mebibytes": mebibytes}))


if __name__ == "__main__":
    main()

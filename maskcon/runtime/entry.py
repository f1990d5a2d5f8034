"""How every stage begins and ends: parameters are read and checked; what a person can put right is said in a sentence.

Exit codes: 0 done, 1 a fault of the program, with its traceback, 2 something that a person can put right, 75 the end of
another process that worked beside this one, 130 Ctrl-C, 143 SIGTERM or the end of what started the stage.
"""

import errno
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

from maskcon.parameters.errors import USER_ERROR_EXIT_CODE, Interrupted, UserError
from maskcon.parameters.model import Parameters, load_parameters
from maskcon.runtime.interruption import Interruptions
from maskcon.runtime.same_inputs import require_unchanged_inputs
from maskcon.runtime.start import interrupted_line

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


def run_stage(stage: Callable[[Parameters], None], interruptions: Interruptions | None = None) -> None:
    """Call ``stage`` with the checked params.yaml of the current folder; exits with the codes above.

    Args:
        interruptions: where the stage itself postpones them.
    """
    gc.enable()  # see start.py
    try:
        with interruptions or Interruptions():
            parameters = load_parameters(Path("params.yaml"))
            require_same = require_unchanged_inputs(os.environ.get("DVC_STAGE"), Path.cwd())
            stage(parameters)
            require_same()
    except UserError as error:
        _end(f"error: {error}", error.exit_code)
    except Interrupted as interrupted:
        _end(interrupted_line(str(interrupted), os.environ), interrupted.exit_code)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _end(f"error: {out_of_memory(error)}; free some, or run on a larger machine", USER_ERROR_EXIT_CODE)
    except OSError as error:
        if error.errno not in DISK:
            raise
        file = f"{error.filename}: " if error.filename else ""
        reason = f"{file}{error.strerror}; free some space or make the folder writable, then run the same command again"
        _end(f"error: {reason}", USER_ERROR_EXIT_CODE)


def is_out_of_memory(error: BaseException) -> bool:
    """True for Python's MemoryError, torch's on a GPU, and the RuntimeError that torch raises on the CPU."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"  # torch.cuda's, without importing torch here
        or "can't allocate memory" in str(error)
        or "not enough memory" in str(error)
    )


def out_of_memory(error: BaseException, work: str = "this") -> str:
    """Which memory, as the beginning of a sentence."""
    place = "GPU" if type(error).__name__ == "OutOfMemoryError" else "computer"
    return f"the memory of the {place} is too small for {work}"


def _end(message: str, code: int) -> None:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)

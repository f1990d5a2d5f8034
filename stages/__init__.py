"""The stages of dvc.yaml, one thin script each: read parameters, call maskcon, write files.

They print what a person wants to know of every run. With MASKCON_VERBOSE=1 (make repro VERBOSE=1) they print more, and
the warnings of libraries, which are otherwise kept away.
"""

import gc
import os
import sys
import warnings

from stages.interrupted_early import end_at_once_until_work_begins

if sys.argv[0] == "-m":  # python -m stages.NAME, which imports this package first; not an import by something else
    end_at_once_until_work_begins()
    # Until work begins, see run_stage: what libraries make as they load stays, and looking for garbage among it time
    # and again takes a tenth to a quarter of the time to load them.
    gc.disable()

VERBOSE = os.environ.get("MASKCON_VERBOSE", "") not in ("", "0")
if not VERBOSE and not sys.warnoptions:  # before any library is loaded, hence here
    warnings.simplefilter("ignore")

# A thread that waits for work looks for it so many times, a moment, then sleeps: to be said before torch is loaded,
# hence here. Sleeping at once makes steps of a small encoder a quarter slower; looking for long, as is usual, keeps
# trainings that share the cores (dvc queue start -j 2) from working. See benchmarks/process_settings.py.
LOOKS_FOR_WORK = "1000"
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", LOOKS_FOR_WORK)

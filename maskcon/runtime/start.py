"""What must be set before any library is loaded; imported first by every stage (stages/__init__.py).

With MASKCON_VERBOSE=1 (make repro VERBOSE=1) stages print more, and the warnings of libraries.
"""

import gc
import os
import sys
import warnings

from maskcon.runtime.interrupted_early import end_at_once_until_work_begins

if sys.argv[0] == "-m":  # python -m stages.NAME, which imports this package first; not an import by something else
    end_at_once_until_work_begins()
    # Until work begins, see run_stage: what libraries make as they load stays, and looking for garbage among it time
    # and again takes a tenth to a quarter of the time to load them.
    gc.disable()

VERBOSE = os.environ.get("MASKCON_VERBOSE", "") not in ("", "0")
if not VERBOSE and not sys.warnoptions:
    warnings.simplefilter("ignore")

# A thread that waits for work looks for it so many times, a moment, then sleeps. Sleeping at once makes steps of a
# small encoder a quarter slower; looking for long, as is usual, keeps trainings that share the cores from working.
LOOKS_FOR_WORK = "1000"
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", LOOKS_FOR_WORK)

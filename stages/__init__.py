"""The stages of dvc.yaml, one thin script each: read parameters, call maskcon, write files.

They print what a person wants to know of every run. With MASKCON_VERBOSE=1 (make repro VERBOSE=1) they print more, and
the warnings of libraries, which are otherwise kept away.
"""

import os
import sys
import warnings

from stages.interrupted_early import end_at_once_until_work_begins

if sys.argv[0] == "-m":  # python -m stages.NAME, which imports this package first; not an import by something else
    end_at_once_until_work_begins()

VERBOSE = os.environ.get("MASKCON_VERBOSE", "") not in ("", "0")
if not VERBOSE and not sys.warnoptions:  # before any library is loaded, hence here
    warnings.simplefilter("ignore")

# Threads that wait for work sleep instead of spinning. It must be said before torch is loaded, hence here. Where
# several trainings share the cores (dvc queue start -j 2), spinning threads keep each other from working.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

"""The stages of dvc.yaml, one thin script each: read parameters, call maskcon, write files."""

import os

# Threads that wait for work sleep instead of spinning. It must be said before torch is loaded, hence here. Where
# several trainings share the cores (dvc queue start -j 2), spinning threads keep each other from working.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

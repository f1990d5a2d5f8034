"""What is set before libraries are loaded: how threads wait for work, and that warnings of libraries reach nobody."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MASKCON_VERBOSE", "PYTHONWARNINGS")
PROGRAM = """
import os, sys, warnings
import stages
assert "torch" not in sys.modules
warnings.warn("odd", RuntimeWarning)
print(os.environ.get("GOMP_SPINCOUNT"))
"""


@pytest.mark.parametrize(
    ("said", "spins", "warned"),
    [
        ({}, "1000", False),
        ({"OMP_WAIT_POLICY": "PASSIVE", "MASKCON_VERBOSE": "1"}, "None", True),
        ({"GOMP_SPINCOUNT": "7", "PYTHONWARNINGS": "default"}, "7", True),
    ],
)
def test_set_unless_the_person_has_said_otherwise(said, spins, warned):
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS} | said
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == spins
    assert ("RuntimeWarning: odd" in run.stderr) is warned

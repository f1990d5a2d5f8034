"""How threads wait for work is said before torch is loaded, unless the person has said it."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
PROGRAM = """
import os, sys

import stages

assert "torch" not in sys.modules
print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"))
"""


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ({}, "None 1000"),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, "PASSIVE None"),
        ({"GOMP_SPINCOUNT": "7"}, "None 7"),
    ],
)
def test_unless_said_otherwise_for_a_moment(said, seen):
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | said
    command = [sys.executable, "-c", PROGRAM]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == seen

"""Warnings of libraries reach nobody, unless they are asked for."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

WARNING = "import stages, warnings; warnings.warn('old', DeprecationWarning); warnings.warn('odd', RuntimeWarning)"


@pytest.mark.parametrize(
    ("environment", "warned"),
    [
        ({}, False),
        ({"MASKCON_VERBOSE": "0"}, False),
        ({"MASKCON_VERBOSE": "1"}, True),
        ({"PYTHONWARNINGS": "default"}, True),
    ],
)
def test_warnings(environment, warned):
    clean = {name: value for name, value in os.environ.items() if name not in ("MASKCON_VERBOSE", "PYTHONWARNINGS")}
    run = subprocess.run([sys.executable, "-c", WARNING], env=clean | environment, capture_output=True, text=True)
    assert run.returncode == 0
    assert ("RuntimeWarning: odd" in run.stderr) is warned
    assert warned or run.stderr == ""

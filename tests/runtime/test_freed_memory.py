"""Freed memory stays with the process: it is not given back to the system, to be asked for and zeroed once more."""

import platform
import resource
import subprocess
import sys
from pathlib import Path

import pytest

# What the system itself says that the process holds, more than after four tensors of 24 MB are freed. Left as it is,
# glibc has a mapping for each tensor and gives it back.
PROGRAM = """
from pathlib import Path
import torch
from maskcon.runtime.freed_memory import keep_freed_memory
keep_freed_memory()
held = lambda: int(Path("/proc/self/statm").read_text().split()[0])
several = [torch.ones(6_000_000) for _ in range(4)]
highest = held()
del several
print(highest - held())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the option is one of glibc")
def test_what_is_freed_is_not_given_back(repository: Path):
    command = [sys.executable, "-c", PROGRAM]
    pages = subprocess.run(command, cwd=repository, env={}, capture_output=True, text=True, check=True).stdout
    assert int(pages) * resource.getpagesize() < 1_000_000

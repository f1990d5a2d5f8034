"""Freed memory stays with the process: it is not given back to the system, to be asked for and zeroed once more."""

import os
import platform
import subprocess
import sys

import pytest

TENSORS, BYTES = 4, 24_000_000
ALL = TENSORS * BYTES

# What the system itself says that the process holds. Only the first time is told: then glibc, left as it is, has a
# mapping for each tensor and gives it back for certain. Later it takes them from the heap, which shrinks only where
# nothing lies above them, and that is chance.
PROGRAM = f"""
import resource
import sys
from pathlib import Path

import torch

from maskcon.runtime.freed_memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
torch.set_num_threads(1)


def held():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


several = [torch.ones({BYTES} // 4) for _ in range({TENSORS})]
highest = held()
del several
print(highest - held())
"""


def bytes_given_back(setting: str) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    program = [sys.executable, "-c", PROGRAM, setting]
    return int(subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the option is one of glibc")
def test_what_is_freed_is_not_given_back():
    assert bytes_given_back("as usual") > 0.9 * ALL
    assert bytes_given_back("kept") < 0.01 * ALL

"""Freed memory stays with the process: pages it had are not asked for again."""

import platform
import subprocess
import sys

import pytest

from maskcon.freed_memory import keep_freed_memory

PROGRAM = """
import resource
import sys

import torch

from maskcon.freed_memory import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()


def work():
    torch.set_num_threads(1)
    several = [torch.ones(2_000_000) for _ in range(12)]  # 8 MB each; freed together, which glibc gives back


for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_asked_for(setting: str) -> int:
    program = [sys.executable, "-c", PROGRAM, setting]
    return int(subprocess.run(program, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the option is one of glibc")
def test_pages_are_not_asked_for_again():
    assert pages_asked_for("kept") < 100
    assert pages_asked_for("as usual") > 10_000  # of 5 x 96 MB in pages of 4 KB


def test_a_library_without_the_option_is_no_fault(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert not keep_freed_memory()

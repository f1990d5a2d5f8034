import os

import torch

from maskcon.runtime import hardware as module
from maskcon.runtime.hardware import hardware, processor_name


def test_what_a_training_ran_on():
    found = hardware(torch.device("cpu"))
    assert found["cpu"]
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["memory_gb"] > 0
    assert "gpu" not in found


def test_the_processor_as_linux_knows_it(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A Processor @ 2 GHz\nprocessor\t: 1\n")
    monkeypatch.setattr(module, "CPU_INFO", tmp_path / "cpuinfo")
    assert processor_name() == "A Processor @ 2 GHz"
    monkeypatch.setattr(module, "CPU_INFO", tmp_path / "absent")
    assert processor_name()

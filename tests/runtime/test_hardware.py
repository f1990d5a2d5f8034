import torch

from maskcon.runtime import hardware as module
from maskcon.runtime.hardware import hardware


def test_what_a_training_ran_on(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A Processor @ 2 GHz\nprocessor\t: 1\n")
    monkeypatch.setattr(module, "CPU_INFO", tmp_path / "cpuinfo")
    found = hardware(torch.device("cpu"))
    assert found["cpu"] == "A Processor @ 2 GHz"
    assert found["cores"] > 0
    assert "gpu" not in found
    monkeypatch.setattr(module, "CPU_INFO", tmp_path / "absent")
    assert hardware(torch.device("cpu"))["cpu"]

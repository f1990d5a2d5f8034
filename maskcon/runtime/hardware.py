"""What a training ran on: a run can be repeated to the bit only on the like of it."""

import os
import platform
import re
from pathlib import Path

import torch

CPU_INFO = Path("/proc/cpuinfo")  # of Linux


def hardware(device: torch.device) -> dict[str, str | int]:
    """Processor, cores, memory and the vector instructions in use; graphics processor, CUDA and cuDNN where used."""
    named = re.search(r"(?m)^model name\s*:\s*(.+)$", _cpu_info())
    there_is: dict[str, str | int] = {
        "cpu": named[1] if named else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
    }
    if device.type == "cuda":
        there_is |= {
            "gpu": torch.cuda.get_device_name(device),
            "cuda": str(torch.version.cuda),
            "cudnn": str(torch.backends.cudnn.version()),
        }
    return there_is


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for it, as Linux knows it: AMX or AVX512-BF16."""
    return bool(re.search(r"(?m)^flags\s*:.*\b(amx_bf16|avx512_bf16)\b", _cpu_info()))


def _cpu_info() -> str:
    return CPU_INFO.read_text() if CPU_INFO.exists() else ""

"""What a stage takes to begin: its imports and its parameters, beyond importing torch.

    python -m benchmarks.startup

Each stage as ``python -m stages.NAME`` begins, up to checked parameters and with torch, in a process of its own; beside
it, in turn, a process that only imports torch. Prints the medians of the differences, in seconds of the clock and of
the processor, and writes them to startup.md in benchmarks/results/.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from benchmarks.methods import RESULTS
from maskcon.runtime.atomic_files import write_text

TORCH = "import torch"
STAGE = """
import sys
sys.argv[0] = "-m"  # as python -m has it while it imports the package
import stages.{name}
import torch
from pathlib import Path
from maskcon.parameters.model import load_parameters
load_parameters(Path("params.yaml"))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    arguments = parser.parse_args()
    beyond = {name: [] for name in YAML(typ="safe").load(Path("dvc.yaml"))["stages"]}
    torch_alone = []
    for _ in range(arguments.rounds):
        torch_alone.append(seconds(TORCH))
        for name, times in beyond.items():
            times.append([a - b for a, b in zip(seconds(STAGE.format(name=name)), torch_alone[-1], strict=True)])
    rows = [line("torch alone", torch_alone), *(line(name, times) for name, times in beyond.items())]
    text = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    text += f"\n\nMedians of {arguments.rounds}, seconds; load average at the end {os.getloadavg()[0]:.1f}.\n"
    write_text(RESULTS / "startup.md", text)
    print(text)


def seconds(program: str) -> tuple[float, float]:
    """Of the clock and of the processor, that a Python takes for a program."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def line(name: str, times: list) -> dict[str, str]:
    clock, processor = (f"{statistics.median(column):.2f}" for column in zip(*times, strict=True))
    return {"stage": name, "by the clock": clock, "of the processor": processor}


if __name__ == "__main__":
    main()

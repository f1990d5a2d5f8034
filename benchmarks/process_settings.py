"""What two settings of a process are worth: how threads wait for work, and whether freed memory is kept.

    python -m benchmarks.process_settings

Steps of small_conv on as many threads as there are cores, in processes of their own that differ in one setting each
from what the stages run with; first one training at a time, then two beside each other, as by ``dvc queue start -j 2``.
Settings take turns. Every step computes the same with each of them. Prints the table, and writes it to
process_settings.md in benchmarks/results/; a setting in a round, the mean of its processes, is a row of
process_settings.csv.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import pandas as pd

from benchmarks.methods import RESULTS
from benchmarks.ratios import Seconds, ratio_of
from maskcon.runtime.atomic_files import write_table, write_text
from maskcon.runtime.start import LOOKS_FOR_WORK

SPINNING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
SETTINGS = {  # name -> (variables, freed memory is kept)
    "as the stages run": ({"GOMP_SPINCOUNT": LOOKS_FOR_WORK}, True),
    "freed memory given back": ({"GOMP_SPINCOUNT": LOOKS_FOR_WORK}, False),
    "threads sleep at once": ({"OMP_WAIT_POLICY": "PASSIVE"}, True),
    "threads look for work for long": ({}, True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of steps in each process")
    parser.add_argument("--measured", action="store_true", help=argparse.SUPPRESS)  # what this starts
    parser.add_argument("--keep", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measured:
        print(median_step(arguments.seconds, arguments.keep))
        return

    rows = []
    for number in range(1, arguments.rounds + 1):
        for trainings in (1, 2):
            for name in SETTINGS:
                milliseconds = 1e3 * statistics.mean(in_processes(name, trainings, arguments.seconds))
                rows.append({"setting": name, "trainings": trainings, "round": number, "milliseconds": milliseconds})
                print(f"{name}, {trainings} at once: {milliseconds:.1f} ms a step", file=sys.stderr, flush=True)
    write_table(RESULTS / "process_settings.csv", rows)
    text = as_markdown(pd.DataFrame(rows))
    write_text(RESULTS / "process_settings.md", text)
    print(text)


def in_processes(name: str, trainings: int, seconds: float) -> list[float]:
    """The median step of each of so many processes that run at once."""
    variables, kept = SETTINGS[name]
    environment = {key: value for key, value in os.environ.items() if key not in SPINNING} | variables
    command = [sys.executable, "-m", "benchmarks.process_settings", "--measured", "--seconds", str(seconds)]
    command += ["--keep"] if kept else []
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(trainings)]
    return [float(each.communicate()[0]) for each in running]


def median_step(seconds: float, keep: bool) -> float:
    """Of the steps that fit into the time, in seconds."""
    from benchmarks.cases.training import SMALL  # loads torch
    from maskcon.runtime.freed_memory import keep_freed_memory
    from maskcon.training.step import training_step

    if keep:
        keep_freed_memory()
    learner, optimizer = SMALL.learner("float32")
    batch = SMALL.batch_of_views()
    for _ in range(3):
        training_step(learner, optimizer, batch)
    times: list[float] = []
    while sum(times) < seconds:
        start = time.perf_counter()
        training_step(learner, optimizer, batch)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def as_markdown(rows: pd.DataFrame) -> str:
    """Milliseconds a step, and how many times as long as with the stages' settings: medians over rounds, 10 to 90 %."""
    lines = []
    usual = next(iter(SETTINGS))
    for trainings, runs in rows.groupby("trainings"):
        times = runs.pivot(index="round", columns="setting", values="milliseconds")
        for name in SETTINGS:
            ratio = ratio_of(Seconds(ours=times[usual].tolist(), peer=times[name].tolist()))
            as_long = f"{ratio.median:.2f}x ({ratio.p10:.2f} to {ratio.p90:.2f})"
            lines.append(
                {
                    "at once": trainings,
                    "setting": name,
                    "a step": f"{times[name].median():.1f} ms",
                    "as long as the stages": "" if name == usual else as_long,
                    "n": len(times),
                }
            )
    cores = len(os.sched_getaffinity(0))
    return pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True) + (
        f"\n\nsmall_conv, batch 128 of 16 x 16, {cores} threads on {cores} cores; load average at the end "
        f"{os.getloadavg()[0]:.1f}.\n"
    )


if __name__ == "__main__":
    main()

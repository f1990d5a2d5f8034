"""What the parts of the program cost, beside what a person would use otherwise.

    python -m benchmarks.run                          # a few minutes on two cores: make bench
    python -m benchmarks.run --only view_pair head    # these cases

A case first makes ours and its peer do the same work and compares the results; if they differ, no ratio is printed.
Then both are timed in turn in this process. Writes a row for every case to results/bench.jsonl, where it replaces that
of an earlier run, and the table of all to bench.md.
"""

import argparse
import gc
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import torch

from benchmarks import cases
from benchmarks.case import Case, NotMeasured
from benchmarks.ratios import in_turn, ratio_of
from benchmarks.table import as_markdown, result_of, took
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.freed_memory import keep_freed_memory

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]


def main() -> None:
    known = {case.name: case for case in all_cases()}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(known), metavar="CASE", help=f"of {', '.join(known)}")
    parser.add_argument("--rounds", type=int, help="of every case, instead of its own number")
    parser.add_argument("--threads", type=int, help="of cases that take as many as there are cores")
    arguments = parser.parse_args()
    keep_freed_memory()  # as the stages do; peers that are timed in this process have it too

    chosen = arguments.only or list(known)
    rows = read_rows(RESULTS / "bench.jsonl")
    for number, name in enumerate(chosen, 1):
        print(f"[{number}/{len(chosen)}] {name}: {known[name].work}, {known[name].peer}", flush=True)
        row = measure(known[name], arguments.rounds, arguments.threads)
        print(f"    {result_of(row)}  ({took(row)}; load {row['load_average']})", flush=True)
        rows[name] = row
        in_order = [rows[name] for name in known if name in rows]
        write_text(RESULTS / "bench.jsonl", "".join(json.dumps(row) + "\n" for row in in_order))
        write_text(RESULTS / "bench.md", as_markdown(in_order))


def all_cases() -> list[Case]:
    modules = (importlib.import_module(f"benchmarks.cases.{module.name}") for module in iter_modules(cases.__path__))
    return [case for module in modules for case in getattr(module, "CASES", [])]


def read_rows(path: Path) -> dict[str, Row]:
    """The rows of earlier runs by the names of their cases."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {row["case"]: row for row in map(json.loads, lines)}


def measure(case: Case, rounds: int | None = None, threads: int | None = None) -> Row:
    """Everything about one case: what was measured, or why nothing was, and under which circumstances."""
    threads_before = torch.get_num_threads()
    threads = case.threads or threads or os.cpu_count() or 1
    torch.set_num_threads(threads)
    start = time.monotonic()
    try:
        found = measured(case, rounds or case.rounds)
    except NotMeasured as reason:
        found = {"status": "skipped", "reason": str(reason)}
    finally:
        torch.set_num_threads(threads_before)
        gc.collect()
    return {
        "case": case.name,
        "work": case.work,
        "peer": case.peer,
        "wanted": case.wanted,
        "device": f"{os.cpu_count()} cores {processor()}",
        "threads": threads,
        **found,
        "seconds": round(time.monotonic() - start, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": versions(case.packages),
        "commit": commit(),
    }


def measured(case: Case, rounds: int) -> Row:
    contest = case.prepare()
    difference = contest.difference()
    compared = {"difference": difference, "allowed": contest.allowed}
    if not difference <= contest.allowed:  # also where it is not a number
        return {"status": "differs", "reason": differs(difference, contest.allowed), **compared}
    seconds = in_turn(contest.ours, contest.peer, rounds)
    ratio = ratio_of(seconds)
    return {
        "status": "measured",
        "rounds": rounds,
        "ours_seconds": middle(seconds.ours),
        "peer_seconds": middle(seconds.peer),
        "ratio_median": ratio.median,
        "ratio_p10": ratio.p10,
        "ratio_p90": ratio.p90,
        **compared,
    }


def differs(difference: float, allowed: float) -> str:
    return f"ours and the peer differ by {difference:.3g}, more than {allowed:.3g}: no ratio"


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions(packages: Iterable[str]) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("torch", "numpy", *packages):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit() -> str:
    """The commit that was measured, with a plus where files differ from it; empty outside of git."""
    try:
        described = ["git", "describe", "--always", "--exclude=*", "--dirty=+"]
        return subprocess.run(described, capture_output=True, text=True, check=True, cwd=RESULTS).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


if __name__ == "__main__":
    sys.exit(main())

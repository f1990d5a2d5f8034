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
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from benchmarks import cases
from benchmarks.contest import Case, NotMeasured, compared, in_words
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.freed_memory import keep_freed_memory

RESULTS = Path(__file__).parent / "results"
HEADINGS = ("what", "beside", "ratio", "wanted", "ours", "peer")
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
        print(f"    {'; '.join(filter(None, cells_of(row)[2:]))} (load {row['load_average']})", flush=True)
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
    threads = case.threads or threads or os.cpu_count() or 1
    start = time.monotonic()
    torch.get_num_threads()  # torch's own choice comes first; torch.set_num_threads would reach into threads made later
    with threadpool_limits(threads, user_api="openmp"):
        try:
            found = compared(case.prepare(), rounds or case.rounds)
        except NotMeasured as reason:
            found = {"status": "skipped", "reason": str(reason)}
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


def as_markdown(rows: Sequence[Row]) -> str:
    """A line a case, and beneath the table what was measured on."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(cells_of, rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    versions: dict[str, set[str]] = {}
    for row in rows:
        for name, version in row["versions"].items():
            versions.setdefault(name, set()).add(version)
    loads = [row["load_average"] for row in rows]
    named = ", ".join(f"{name} {'/'.join(sorted(found))}" for name, found in versions.items())
    return (
        f"{table}\n\nMeasured on {'; '.join(sorted({row['device'] for row in rows}))}, while the load average stood at "
        f"{min(loads):.1f} to {max(loads):.1f}; commit {', '.join(sorted({row['commit'] for row in rows}))}. {named}. "
        "A ratio is the median over rounds with its 10th and 90th percentile, above 1 where ours is faster.\n"
    )


def cells_of(row: Row) -> tuple[str, ...]:
    """The ratio, or why there is none, and all around it."""
    wanted = "" if row["wanted"] is None else f"at least {row['wanted']:g}x"
    if row["status"] != "measured":
        return row["work"], row["peer"], row["reason"], wanted, "", ""
    times = [f"{of:.2f} s" if of >= 1 else f"{1000 * of:.1f} ms" for of in (row["ours_seconds"], row["peer_seconds"])]
    ratio = in_words(row["ratio_median"], row["ratio_p10"], row["ratio_p90"])
    return row["work"], row["peer"], ratio, wanted, *times


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

"""Run a grid of experiments: methods, values, seeds."""

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path

from maskcon.experiments.grid.claims import LEASE_SECONDS
from maskcon.experiments.grid.grid_file import read_grid
from maskcon.experiments.grid.running import Outcome, preview, run_grid
from maskcon.parameters.errors import UserError
from maskcon.tracking.store import StoreError, find_store

INTERRUPTED = 130
SHORTEST_LEASE = 10.0  # seconds; a fifth of it must be long beside a write to a busy server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a file of grids/")
    parser.add_argument("--set", metavar="KEY=VALUE", nargs="+", default=[], help="more settings, for every run")
    parser.add_argument("--workers", type=int, default=2, help="experiments at once (default %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="print the commands of what is still to be run")
    parser.add_argument("--failed", action="store_true", help="run again what failed the last time, nothing else")
    parser.add_argument(
        "--lease",
        type=float,
        default=LEASE_SECONDS,
        metavar="SECONDS",
        help="on a shared server: how long after this machine died others take over its runs (default %(default)g)",
    )


def main(arguments: argparse.Namespace) -> None:
    if arguments.workers < 1:
        raise UserError(f"--workers {arguments.workers} is not allowed: it should be at least 1")
    if not arguments.lease >= SHORTEST_LEASE:
        raise UserError(f"--lease {arguments.lease:g} is not allowed: it should be at least {SHORTEST_LEASE:g} seconds")
    for ending in (signal.SIGINT, signal.SIGTERM):  # also in the background, where a shell has SIGINT ignored
        signal.signal(ending, signal.default_int_handler)
    grid = read_grid(arguments.file, tuple(arguments.set))
    checkout = Path.cwd()
    store = find_store(checkout, os.environ)
    try:
        if arguments.dry_run:
            print("\n".join(preview(grid, store, checkout)))
            return
        outcome = run_grid(grid, store, checkout, arguments.workers, _say, arguments.failed, arguments.lease)
    except StoreError as error:
        raise UserError(f"{error}; a grid needs the store to know what is complete") from None
    except KeyboardInterrupt:
        message = f"interrupted; what is complete is kept, and the rest is run by: {_command(arguments)}"
        print(f"\n{message}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    _summarise(outcome, arguments)


def _say(line: str) -> None:
    print(line, flush=True)


def _command(arguments: argparse.Namespace) -> str:
    """The line for a shell that runs the same grid."""
    words = ["maskcon", "grid", str(arguments.file)]
    return shlex.join([*words, "--set", *arguments.set] if arguments.set else words)


def _summarise(outcome: Outcome, arguments: argparse.Namespace) -> None:
    _say(f"{outcome.complete} of {outcome.wanted} runs are complete")
    for label, log in outcome.failed.items():
        _say(f"failed: {label}\n  log: {log}")
    if outcome.failed:
        failed = "1 run" if len(outcome.failed) == 1 else f"{len(outcome.failed)} runs"
        raise UserError(f"{failed} failed; try again with: {_command(arguments)} --failed")

"""Run a grid of experiments: methods, values, seeds."""

import argparse
import functools
import os
import shlex
import signal
import sys
from pathlib import Path

from maskcon.experiments.grid.engines import Engine, LocalEngine, SlurmEngine
from maskcon.experiments.grid.grid_file import read_grid
from maskcon.experiments.grid.running import LOGS, Outcome, preview, run_grid
from maskcon.experiments.grid.workspace import Workspaces
from maskcon.parameters.errors import UserError
from maskcon.tracking.store import find_store

INTERRUPTED = 130
say = functools.partial(print, flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a file of grids/")
    parser.add_argument("--set", metavar="KEY=VALUE", nargs="+", default=[], help="more settings, for every run")
    parser.add_argument(
        "--engine", choices=["local", "slurm"], default="local", help="processes here, or one Slurm job a run"
    )
    parser.add_argument("--workers", type=int, default=2, help="local experiments at once (%(default)s)")
    parser.add_argument(
        "--slurm",
        metavar="KEY=VALUE",
        nargs="+",
        default=[],
        help="options of a job, as submitit names them: partition=main gpus_per_node=1 cpus_per_task=8 time=120",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the commands of what is still to be run")
    parser.add_argument("--failed", action="store_true", help="run again what failed the last time, nothing else")


def main(arguments: argparse.Namespace) -> None:
    for ending in (signal.SIGINT, signal.SIGTERM):  # also in the background, where a shell has SIGINT ignored
        signal.signal(ending, signal.default_int_handler)
    grid = read_grid(arguments.file, tuple(arguments.set))
    checkout = Path.cwd()
    store = find_store(checkout, os.environ)
    try:
        if arguments.dry_run:
            print("\n".join(preview(grid, store, checkout)))
            return
        engine = _engine(arguments, checkout, Workspaces(checkout, grid.name))
        outcome = run_grid(grid, store, checkout, engine, say, arguments.failed)
    except KeyboardInterrupt:
        message = f"interrupted; what is complete is kept, and the rest is run by: {_command()}"
        print(f"\n{message}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    _summarise(outcome)


def _engine(arguments: argparse.Namespace, checkout: Path, workspaces: Workspaces) -> Engine:
    if arguments.workers < 1:
        raise UserError(f"--workers {arguments.workers} is not allowed: it should be at least 1")
    if arguments.engine == "local":
        return LocalEngine(arguments.workers, workspaces)
    options = [option.partition("=") for option in arguments.slurm]
    for name, equals, _ in options:
        if not equals:
            raise UserError(f"--slurm {name} is not allowed: it should be KEY=VALUE, such as time=120")
    typed = {name: int(value) if value.isdigit() else value for name, _, value in options}
    return SlurmEngine(typed, checkout / LOGS / "slurm", workspaces)


def _command() -> str:
    """The line for a shell that runs the same grid."""
    return shlex.join(["maskcon", *(word for word in sys.argv[1:] if word != "--failed")])


def _summarise(outcome: Outcome) -> None:
    say(f"{outcome.complete} of {outcome.wanted} runs are complete")
    for label, log in outcome.failed.items():
        say(f"failed: {label}\n  log: {log}")
    if outcome.failed:
        failed = "1 run" if len(outcome.failed) == 1 else f"{len(outcome.failed)} runs"
        raise UserError(f"{failed} failed; try again with: {_command()} --failed")

"""Random kills, many of them: every training, killed again and again until it is done, must end with the same bits.

    python -m tests.soak                    200 kills (make soak)
    python -m tests.soak --kills 20 --seed 3

All methods take turns. A training is killed with SIGKILL after a random time, eight times before it may end, so
that it is hit while it starts, trains, writes and resumes; some have a checkpoint after every step and are mostly hit
while they write one. Ends with code 1 if any training ended with other bits than the uninterrupted one.
"""

import argparse
import random
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from maskcon.parameters.model import Parameters, check_parameters
from maskcon.parameters.plugins import METHODS
from maskcon.runtime.atomic_files import UNFINISHED
from tests.conftest import small_training_set, values_for_tests
from tests.training.killed_training import Nursery, same_bits

KILLS_BEFORE_THE_END = 8
TRAININGS = [*((method, {}) for method in METHODS), ("wcl", {"loss.multi_crop": 2})]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")

    moments, nursery = random.Random(arguments.seed), Nursery()
    kills = in_writes = trainings = different = 0
    while kills < arguments.kills:
        method, more = TRAININGS[trainings % len(TRAININGS)]
        steps = moments.choice([1, 3, 5])
        changes = {"train.epochs": 6, "train.checkpoint_steps": steps, "seed": trainings} | more
        parameters = check_parameters(values_for_tests(changes, method))
        with TemporaryDirectory() as folder:
            killed, whole = Path(folder) / "killed", Path(folder) / "whole"
            seconds = run_until_done(nursery, parameters, whole)
            hits, writes = kill_until_done(nursery, parameters, killed, seconds, moments)
            same = same_bits(whole, killed)
        kills, in_writes, trainings, different = kills + hits, in_writes + writes, trainings + 1, different + (not same)
        print(
            f"{method:<10} checkpoint every {steps} steps: {hits} kills, {writes} of them in a write; "
            f"{'the same bits' if same else 'OTHER BITS'}; {kills} kills so far",
            flush=True,
        )
    print(f"{kills} kills, {in_writes} in a write, of {trainings} trainings; {different} ended with other bits")
    return int(different > 0)


def run_until_done(nursery: Nursery, parameters: Parameters, folder: Path) -> float:
    """Train without interruption; returns how long the process ran."""
    start = time.monotonic()
    child = nursery.start(small_training_set(), parameters, folder)
    child.join()
    assert child.exitcode == 0
    return time.monotonic() - start


def kill_until_done(
    nursery: Nursery, parameters: Parameters, folder: Path, seconds: float, moments: random.Random
) -> tuple[int, int]:
    """Kill the training at random moments until it has ended by itself; returns how often, and how often in a write."""
    kills = in_writes = 0
    while True:
        child = nursery.start(small_training_set(), parameters, folder)
        patience = None if kills >= KILLS_BEFORE_THE_END else moments.uniform(0, 0.4 * seconds)
        child.join(patience)
        child.kill()
        child.join()
        if child.exitcode == 0:
            return kills, in_writes
        assert child.exitcode == -signal.SIGKILL, child.exitcode
        kills += 1
        in_writes += any(folder.glob(UNFINISHED))
        for file in folder.glob(UNFINISHED):
            file.unlink()


if __name__ == "__main__":
    sys.exit(main())

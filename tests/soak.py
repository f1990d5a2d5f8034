"""Random kills, many of them: a pipeline, killed again and again until it is done, must end as one left in peace.

    python -m tests.soak                    300 kills (make soak), about an hour
    python -m tests.soak --kills 20 --seed 3

`make repro` and all that it has started are killed with SIGKILL after a random time of the processor (on a busy
machine, too, all stages are hit), then it is typed again, until it ends by itself. Every output must then have the same
bytes, timings apart, and the store exactly one run, complete.
Two pipelines take turns: a trained encoder on digits, and an adapter on photos. What went wrong is printed and kept.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from os import killpg
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp

import numpy as np
import psutil
from PIL import Image

from maskcon.parameters.composition import compose
from maskcon.tracking.store import find_store
from tests.pipeline.test_pipeline import assert_same_outputs
from tests.support.pipeline_copies import PipelineCopy, copy_checkout, environment_of_a_copy

REPRO = ("make", "-o", "environment", "repro")
FEW = ["train.epochs=4", "train.checkpoint_steps=1", "evaluate.linear.strengths=[1e-3]"]
PIPELINES = {
    "digits": ["loss=maskcon", *FEW],
    "photos": ["recipe=photos", "model.input_size=32", "train.batch_size=16", "train.queue_size=64", *FEW],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")

    moments, root = random.Random(arguments.seed), Path(mkdtemp())
    draw_photos(root / "photos")
    whole = {name: small_copy(root, name) for name in PIPELINES}
    for copy in whole.values():
        copy.run(*REPRO)

    killed, ends, wrong = Counter(), 0, 0
    while killed.total() < arguments.kills:
        name = list(PIPELINES)[ends % len(PIPELINES)]
        copy = clone(whole[name], root / f"{name}, killed {ends}")
        ends += 1
        try:
            kill_until_done(copy, moments, killed)
            assert_same_outputs(whole[name], copy)
            assert_one_complete_run(copy)
            shutil.rmtree(copy.folder)
            print(f"{name}: ended as without kills; {killed.total()} kills so far", flush=True)
        except AssertionError as error:
            wrong += 1
            print(f"{name}: WRONG, kept in {copy.folder}\n{error}", flush=True)
    print("\n".join(f"{kills:4} {stage}" for stage, kills in killed.most_common()))
    print(f"{killed.total()} kills, {ends} pipelines, {wrong} of them ended otherwise than without kills")
    return int(wrong > 0)


def draw_photos(root: Path) -> None:
    """48 photos of noise in 2 coarse classes of 2 fine ones, a colour for each."""
    generator = np.random.default_rng(0)
    for number in range(48):
        folder = root / f"coarse {number % 2}" / f"fine {number % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 120, (32, 32, 3)) + 40 * np.array([number % 4, number % 2, 2])
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")


def small_copy(root: Path, name: str) -> PipelineCopy:
    copy = copy_checkout(root / f"{name}, whole")
    choices = [*PIPELINES[name], *([f"data.root='{root}/photos'"] if name == "photos" else [])]
    (copy.folder / "params.yaml").write_text(compose(copy.folder / "conf", choices))
    copy.commit("Small")
    return copy


def clone(of: PipelineCopy, folder: Path) -> PipelineCopy:
    """At the same commit, which the report names."""
    of.run("git", "clone", "-q", ".", str(folder))
    return PipelineCopy(folder)


def kill_until_done(copy: PipelineCopy, moments: random.Random, killed: Counter[str]) -> None:
    """Kill the pipeline at random moments until it ends by itself; counts the kills of each stage.

    Raises: AssertionError, with what it printed, where it ends with a fault.
    """
    for longest in count(6.0, 0.2):  # seconds; more each time, so that it ends
        with TemporaryFile("w+") as printed:
            process = psutil.Popen(
                REPRO,
                cwd=copy.folder,
                env=environment_of_a_copy(),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            moment = moments.uniform(0, longest)
            while process.poll() is None and processor_seconds(process) < moment:
                time.sleep(0.02)
            with suppress(ProcessLookupError):
                killpg(process.pid, signal.SIGKILL)
            process.wait()
            printed.seek(0)
            text = printed.read()
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 0, text
            return
        stages = [line.split("'")[1] for line in text.splitlines() if line.startswith("Running stage ")]
        killed[stages[-1] if stages else "before a stage"] += 1


def processor_seconds(process: psutil.Process) -> float:
    """Of the process, its children, and those of them that have ended."""
    seconds = 0.0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            seconds += sum(one.cpu_times()[:4])
    return seconds


def assert_one_complete_run(copy: PipelineCopy) -> None:
    with find_store(copy.folder, {}).opened() as client:
        experiments = [one.experiment_id for one in client.search_experiments()]
        runs = client.search_runs(experiments)
        states = [(run.data.tags.get("pipeline.complete"), run.info.status) for run in runs]
    assert states == [("true", "FINISHED")], states


if __name__ == "__main__":
    sys.exit(main())

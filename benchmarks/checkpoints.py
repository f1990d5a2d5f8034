"""What keeping checkpoints and watching for non-finite steps costs, beside the training itself.

    dvc repro coarse && python -m benchmarks.checkpoints

Trains the model of params.yaml on its packed set for some seconds, in turns with and without what is measured, in one
process, and prints medians with the spread over the turns. Steps are measured in processor time, which other processes
on the machine change little; a save in wall time, since it waits for the disk.
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from maskcon.images.packed.image_set import read_training_set
from maskcon.images.packed.image_stream import to_device
from maskcon.parameters.model import Parameters, load_parameters
from maskcon.training.batches import TwoViewBatches
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import build_learner, fill_queue
from maskcon.training.non_finite import NonFiniteSteps
from maskcon.training.state import EpochSoFar, TrainingState
from maskcon.training.step import training_step
from maskcon.views.operations.families import view_maker

CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--steps", type=int, default=10, help="of a turn")
    arguments = parser.parse_args()
    parameters = load_parameters(Path("params.yaml"))
    state, batches = prepare(parameters)

    watched, plain = [], []
    for turn in range(arguments.turns):
        for times, watch in ((plain, False), (watched, True)):
            times.append(seconds_of_a_step(state, batches, f"turn {turn}", arguments.steps, watch))
    ratios = [with_watch / without for with_watch, without in zip(watched, plain, strict=True)]
    print(f"step: {statistics.median(plain):.4f} s of processor time, n={len(plain)}")
    print(f"watched step: {spread(ratios)} of a step, n={len(ratios)}")

    Path(".scratch").mkdir(exist_ok=True)  # which git ignores, should this be killed
    with TemporaryDirectory(dir=".scratch") as folder:
        saves = [seconds_of_a_save(Checkpoints(Path(folder)), steps, state) for steps in range(arguments.turns)]
        size = max(file.stat().st_size for file in Path(folder).iterdir())
    share = [100 * seconds / parameters.train.checkpoint_seconds for seconds in saves]
    print(f"checkpoint of {size / 1e6:.1f} MB: {spread(saves)} s each, n={len(saves)}; one every")
    print(f"{parameters.train.checkpoint_seconds:g} s (train.checkpoint_seconds) takes {spread(share)} % of the time")


def prepare(parameters: Parameters) -> tuple[TrainingState, TwoViewBatches]:
    training_set = read_training_set(Path("data/sets") / parameters.data.name / "train")
    view_size = parameters.data.height, parameters.data.width
    batches = TwoViewBatches(
        to_device(training_set.images, parameters.data.channels, CPU),
        torch.from_numpy(training_set.coarse),
        view_maker(parameters.data.augmentation, parameters.train.query_view, view_size),
        view_maker(parameters.data.augmentation, parameters.train.key_view, view_size),
        parameters.train.batch_size,
        parameters.seed,
    )
    learner = build_learner(parameters, len(training_set.coarse_names), CPU)
    fill_queue(learner, batches)
    optimizer = torch.optim.SGD(learner.trained_parameters(), lr=0.01, momentum=parameters.train.sgd_momentum)
    return TrainingState(learner, optimizer, NonFiniteSteps(learner, optimizer, 0), EpochSoFar(CPU)), batches


def seconds_of_a_step(state: TrainingState, batches: TwoViewBatches, epoch: str, steps: int, watch: bool) -> float:
    """Processor time of a step, mean over a turn; its views are made before the clock starts."""
    seconds = 0.0
    for step, batch in zip(range(steps), batches.epoch(epoch), strict=False):
        start = time.process_time()
        loss = training_step(state.learner, state.optimizer, batch)
        if watch:
            state.non_finite.before_step()
            state.non_finite.after_step(step, loss)
        seconds += time.process_time() - start
    return seconds / steps


def seconds_of_a_save(checkpoints: Checkpoints, steps: int, state: TrainingState) -> float:
    start = time.perf_counter()
    checkpoints.save(steps, state.state_dict())
    return time.perf_counter() - start


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.4f} ({min(values):.4f} to {max(values):.4f})"


if __name__ == "__main__":
    main()

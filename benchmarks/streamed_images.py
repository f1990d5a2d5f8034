"""Training on images that stream from the disk beside training on the same images held on the device.

    python -m benchmarks.streamed_images --images 16384 --rounds 3

The streamed set is over its budget (a share of 0 of the device's memory) and is dropped from the system's page cache
before every epoch, so that it does come from the disk. Checked first: both give the same losses. Then epochs alternate.
Printed are the ratio of their times, how many blocks the step had to wait for, and how long; the first block of an
epoch, before which there is nothing else to do, aside.
"""

import argparse
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.methods import composed
from benchmarks.page_cache import drop_from_page_cache
from maskcon.images.packed.image_stream import ImageStream, resident_or_streamed
from maskcon.parameters.model import Parameters
from maskcon.training.batches import TwoViewBatches
from maskcon.training.loop import build_learner, fill_queue
from maskcon.training.step import training_step
from maskcon.views.operations.families import view_maker

COARSE_CLASSES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=16_384)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("choices", nargs="*", help="presets and values, such as model=resnet18 data=cifar100")
    arguments = parser.parse_args()
    parameters = composed(arguments.choices)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    Path(".scratch").mkdir(exist_ok=True)  # which git ignores, should this be killed
    with TemporaryDirectory(dir=".scratch") as folder:
        path = Path(folder) / "images.npy"
        write_random_images(path, arguments.images, parameters)
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        shares = {"resident": 1.0, "streamed": 0.0}
        times: dict[str, list[float]] = {name: [] for name in shares}
        for number in range(arguments.rounds):
            losses = {}
            for name, share in shares.items():
                source = resident_or_streamed(images, parameters.data.channels, device, share)
                drop_from_page_cache(path)
                seconds, losses[name] = seconds_of_an_epoch(source, parameters, device)
                times[name].append(seconds)
                if isinstance(source, ImageStream):
                    print(
                        f"round {number + 1}: streamed {images.nbytes / 1e6:,.0f} MB, "
                        f"waited for {source.blocks_waited_for} blocks, {source.seconds_waited:.3f} of {seconds:.2f} s"
                    )
            if not torch.equal(losses["resident"], losses["streamed"]):
                raise SystemExit("the losses differ: nothing to compare")
        ratios = [streamed / resident for streamed, resident in zip(times["streamed"], times["resident"], strict=True)]
        print(f"an epoch, streamed / resident: {', '.join(f'{ratio:.3f}' for ratio in ratios)}")
        print(f"median {statistics.median(ratios):.3f}, {device}, load {os.getloadavg()[0]:.1f}")


def write_random_images(path: Path, number: int, parameters: Parameters) -> None:
    height, width = parameters.data.stored_size
    generator = np.random.default_rng(0)
    np.save(path, generator.integers(0, 256, (number, height, width, 3), dtype=np.uint8))


def seconds_of_an_epoch(
    source: torch.Tensor | ImageStream, parameters: Parameters, device: torch.device
) -> tuple[float, torch.Tensor]:
    """Time of one epoch of training, and its losses."""
    size = parameters.data.height, parameters.data.width
    batches = TwoViewBatches(
        source,
        torch.arange(len(source), device=device) % COARSE_CLASSES,
        view_maker(parameters.data.augmentation, parameters.train.query_view, size),
        view_maker(parameters.data.augmentation, parameters.train.key_view, size),
        parameters.train.batch_size,
        parameters.seed,
    )
    learner = build_learner(parameters, COARSE_CLASSES, device)
    optimizer = torch.optim.SGD(learner.trained_parameters(), lr=parameters.train.learning_rate)
    fill_queue(learner, batches)
    if isinstance(source, ImageStream):
        source.blocks_waited_for, source.seconds_waited = 0, 0.0
    start = time.perf_counter()
    losses = torch.stack([training_step(learner, optimizer, batch) for batch in batches.epoch(1)]).cpu()
    return time.perf_counter() - start, losses


if __name__ == "__main__":
    main()

"""What training and retrieval cost on a GPU, in one call.

    python -m benchmarks.gpu                  # some ten minutes on a large GPU; results/gpu.jsonl
    python -m benchmarks.gpu --tiny           # the same on very small data, on the CPU too: does it run?

It needs what training needs (torch, torchvision, numpy, pandas, scipy, scikit-learn, pydantic, ruamel.yaml) and neither
DVC, MLflow nor typst. A line each for

    matmul            the highest rate of a large matrix product: what the achieved rates are measured against
    epoch             training of 50,000 images at 32 pixels, resnet18, by batch size: ours and the published recipe
    photos            training at 224 pixels, resnet18 and resnet50: ours
    retrieval         Recall@K of 60,000 x 512: ours and the published routine, timed in turn; memory of either

Ours and the published recipe first take a step from the same weights on the same views; if their losses differ, the
lines say so and hold no times. The share of time waiting for data is what an epoch takes beyond its steps alone, which
are timed on one batch that lies on the device.
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import published_recipe
from benchmarks.cases.learners import COARSE_CLASSES, RATE, Setting
from benchmarks.cases.retrieval import clustered, recall_against_published
from benchmarks.contest import compared, differs
from benchmarks.run import commit, versions
from maskcon.images.packed.image_set import TrainingSet
from maskcon.runtime.atomic_files import write_text
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import Watcher, train
from maskcon.training.step import training_step
from maskcon.views.operations.autoaugment import CIFAR10_POLICY

RESULTS = Path(__file__).parent / "results" / "gpu.jsonl"
ALLOWED = 5e-3  # relative, of first losses: the published networks calculate in float32, ours in bfloat16
LOADER_WORKERS = 16  # at most
Row = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    backbone: str = "resnet18"
    side: int = 32
    images: int = 50_000
    batches: tuple[int, ...] = (128, 256, 512)
    queue: int = 8192
    epochs: int = 4  # the first is dropped: kernels are chosen and the step is recorded in it
    photo_backbones: tuple[str, ...] = ("resnet18", "resnet50")
    photo_side: int = 224
    photos: int = 8192
    photo_batch: int = 128
    steps: int = 50  # timed alone
    product: int = 8192  # rows and columns of the matrices
    gallery: tuple[int, int] = (60_000, 512)
    rounds: int = 7


TINY = Sizes(
    backbone="small_conv",
    side=16,
    images=64,
    batches=(16, 32),
    queue=256,
    epochs=2,
    photo_backbones=("small_conv",),
    photo_side=24,
    photos=16,
    photo_batch=8,
    steps=2,
    product=64,
    gallery=(600, 16),
    rounds=2,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="very small data, on the CPU where there is no GPU")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the lines go")
    arguments = parser.parse_args()
    if not torch.cuda.is_available() and not arguments.tiny:
        sys.exit("not measured: no GPU at hand (try the script itself with --tiny)")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = []
    for row in all_rows(TINY if arguments.tiny else Sizes(), device):
        rows.append(row | {"device": device_name(device), "versions": versions(("torchvision",)), "commit": commit()})
        print(json.dumps(row), flush=True)
        write_text(arguments.out, "".join(json.dumps(one) + "\n" for one in rows))


def all_rows(sizes: Sizes, device: str) -> Iterator[Row]:
    peak = {name: matmul_rate(sizes.product, name, device) for name in ("bfloat16", "float32")}
    yield {"what": "matmul", "size": sizes.product, **{f"tflops_{name}": rate for name, rate in peak.items()}}
    for batch in sizes.batches:
        setting = Setting(sizes.backbone, sizes.side, sizes.queue, batch, sizes.images, device=device)
        flops = flops_of_a_pair(setting)
        yield from epochs_of_both(setting, sizes, flops, peak)
    for backbone in sizes.photo_backbones:
        setting = Setting(
            backbone,
            sizes.photo_side,
            sizes.queue,
            sizes.photo_batch,
            sizes.photos,
            augmentation="photo",
            device=device,
        )
        ours = ours_epoch(setting, sizes)
        yield described("photos", "ours", setting, ours, flops_of_a_pair(setting), peak)
    yield retrieval(sizes, device)


def epochs_of_both(setting: Setting, sizes: Sizes, flops: float, peak: dict[str, float]) -> Iterator[Row]:
    precision = precision_on(setting.device)
    difference = setting.difference_of_first_losses(precision)
    if not difference <= ALLOWED:
        yield {"what": "epoch", "batch": setting.batch, "status": "differs", "reason": differs(difference, ALLOWED)}
        return
    for who, epoch in (("ours", ours_epoch), ("published", published_epoch)):
        row = described("epoch", who, setting, epoch(setting, sizes), flops, peak)
        yield row | {"difference": difference, "allowed": ALLOWED}


def precision_on(device: str) -> str:
    return "bfloat16" if device == "cuda" else "float32"


@dataclass(frozen=True)
class Epoch:
    seconds: float  # of an epoch with its data
    step_seconds: float  # of a step on views that lie on the device
    steps: int
    precision: str


def described(what: str, who: str, setting: Setting, epoch: Epoch, flops_of_pair: float, peak: dict[str, float]) -> Row:
    """One line: rates, and the share of time that is not spent in steps."""
    images = epoch.steps * setting.batch
    tflops = images * flops_of_pair / epoch.seconds / 1e12
    return {
        "what": what,
        "who": who,
        "status": "measured",
        "backbone": setting.backbone,
        "side": setting.side,
        "batch": setting.batch,
        "precision": epoch.precision,
        "images": images,
        "seconds_an_epoch": epoch.seconds,
        "images_per_second": images / epoch.seconds,
        "tflops": tflops,
        "share_of_matmul_peak": tflops / peak[epoch.precision],
        "share_of_time_waiting_for_data": max(0.0, 1 - epoch.steps * epoch.step_seconds / epoch.seconds),
    }


def ours_epoch(setting: Setting, sizes: Sizes) -> Epoch:
    """The median epoch of a training by the function that the pipeline calls, without the first."""
    parameters = setting.parameters("auto")
    parameters = parameters.model_copy(
        update={
            "train": parameters.train.model_copy(
                update={"epochs": sizes.epochs, "warmup_epochs": 1, "checkpoint_seconds": None, "snapshot_epochs": 0}
            )
        }
    )
    names = [str(one) for one in range(COARSE_CLASSES)]
    images = TrainingSet(setting.pixels, setting.coarse.numpy(), names)
    with TemporaryDirectory() as folder:
        curve = train(images, parameters, torch.device(setting.device), Checkpoints(Path(folder)), Watcher()).curve
    seconds = sorted(row["seconds"] for row in curve[1:])

    learner, optimizer = setting.learner("auto")
    batch = setting.batch_of_views()
    each = seconds_of(lambda: training_step(learner, optimizer, batch), sizes.steps, setting.device)
    return Epoch(seconds[len(seconds) // 2], each, setting.images // setting.batch, precision_on(setting.device))


def published_epoch(setting: Setting, sizes: Sizes) -> Epoch:
    """The second of two epochs with the published loader and step; TF32 in convolutions, as torch has it by default."""
    trainer = setting.published()
    data = setting.parameters("float32").data
    random.seed(0)
    loader = DataLoader(
        published_recipe.TwoViews(setting.pixels, setting.coarse.numpy(), CIFAR10_POLICY, data.mean, data.std),
        setting.batch,
        shuffle=True,
        drop_last=True,
        num_workers=min(LOADER_WORKERS, os.cpu_count() or 1) if setting.device == "cuda" else 0,
        pin_memory=setting.device == "cuda",
    )

    def epoch() -> None:
        for key_view, query_view, coarse in loader:
            views = (view.to(setting.device, non_blocking=True) for view in (key_view, query_view, coarse))
            trainer.step(*views, RATE)

    batch = setting.batch_of_views()
    views = setting.standardised(batch.key_view), setting.standardised(batch.query_view)
    each = seconds_of(lambda: trainer.step(*views, batch.coarse, RATE), sizes.steps, setting.device)
    return Epoch(seconds_of(epoch, 1, setting.device, warm_up=1), each, len(loader), "float32")


def seconds_of(work: Callable[[], object], times: int, device: str, warm_up: int = 5) -> float:
    """Of one call, the device's work included."""
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    for _ in range(warm_up):
        work()
    wait()
    start = time.perf_counter()
    for _ in range(times):
        work()
    wait()
    return (time.perf_counter() - start) / times


def flops_of_a_pair(setting: Setting) -> float:
    """Floating-point operations of a whole step for one image in two views, counted by torch in an ordinary step."""
    learner, optimizer = setting.learner("float32")
    batch = setting.batch_of_views()
    with FlopCounterMode(display=False) as counter:
        training_step(learner, optimizer, batch)
    return counter.get_total_flops() / setting.batch


def matmul_rate(size: int, precision: str, device: str) -> float:
    """TFLOP/s of a square matrix product, the best of several."""
    left, right = (torch.randn(size, size, device=device).to(getattr(torch, precision)) for _ in range(2))
    best = min(seconds_of(lambda: left @ right, 10, device) for _ in range(3))
    return 2 * size**3 / best / 1e12


def retrieval(sizes: Sizes, device: str) -> Row:
    features, labels = (part.to(device) for part in clustered(*sizes.gallery, classes=sizes.gallery[0] // 60))
    contest = recall_against_published(features, labels, allowed=2 / sizes.gallery[0])
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    row = {"what": "retrieval", "images": sizes.gallery[0], "size": sizes.gallery[1]}
    row |= compared(contest, sizes.rounds, wait)
    if device == "cuda":
        row |= {"ours_mebibytes": memory_on_gpu(contest.ours), "peer_mebibytes": memory_on_gpu(contest.peer)}
    return row


def memory_on_gpu(work: Callable[[], object]) -> float:
    """The mebibytes that ``work`` takes at most beyond what is held already."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "CPU"


if __name__ == "__main__":
    main()

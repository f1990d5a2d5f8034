"""Where the time of a training step goes, by torch's profiler.

    python -m benchmarks.step_profile                                  # small_conv and resnet18, float32
    python -m benchmarks.step_profile --batch 32 --threads 1

Prints for each backbone the share of each kind of operator in the time spent in operators, and the rate of the step
beside that of a large matrix product on the same threads, which is the limit.
"""

import argparse
import time
from collections import Counter

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cases.learners import Setting
from maskcon.training.step import training_step

SETTINGS = {"small_conv": (16, 1024), "resnet18": (32, 8192)}  # backbone -> side of the images, queue
KINDS = {  # part of an operator's name -> kind; the first that fits counts
    "convolution_backward": "convolutions, backward",
    "convolution": "convolutions, forward",
    "batch_norm": "batch norm",
    "relu": "ReLU",
    "threshold": "ReLU",
    "lerp": "momentum update",
    "sgd": "SGD",
    "foreach": "SGD",
    "softmax": "softmax and loss",
    "::exp": "softmax and loss",
    "::mm": "matrix products (projector, similarities)",
    "addmm": "matrix products (projector, similarities)",
    "copy": "copies",
}
STEPS = 3
PRODUCT = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--backbones", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    peak = product_rate()
    for backbone in arguments.backbones:
        side, queue = SETTINGS[backbone]
        print(profile_of(Setting(backbone, side, queue, batch=arguments.batch), peak), flush=True)


def profile_of(setting: Setting, peak: float) -> str:
    """A Markdown table and a sentence. ``peak`` in GFLOP/s of processor time."""
    learner, optimizer = setting.learner("float32")
    batch = setting.batch_of_views()
    with FlopCounterMode(display=False) as counter:
        training_step(learner, optimizer, batch)  # warms up too
    start = time.process_time()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(STEPS):
            training_step(learner, optimizer, batch)
    seconds = (time.process_time() - start) / STEPS
    shares = share_by_kind({event.key: event.self_cpu_time_total for event in profiled.key_averages()})
    rate = counter.get_total_flops() / seconds / 1e9
    lines = [f"| {kind} | {share:.0%} |" for kind, share in shares.most_common()]
    return "\n".join(
        [
            f"{setting.backbone}, batch {setting.batch} of {setting.side} x {setting.side}, queue {setting.queue:,}",
            "",
            "| operators | share |",
            "| --- | --- |",
            *lines,
            "",
            f"{counter.get_total_flops() / 1e9:.1f} GFLOP a step, {rate:.0f} GFLOP/s of processor time; "
            f"a product of {PRODUCT} x {PRODUCT} matrices reaches {peak:.0f}.",
            "",
        ]
    )


def share_by_kind(seconds: dict[str, float]) -> Counter[str]:
    """The share of each kind in the operators' own time; operators of no kind are "other"."""
    kinds: Counter[str] = Counter()
    for name, value in seconds.items():
        kinds[next((kind for part, kind in KINDS.items() if part in name.lower()), "other")] += value
    total = sum(kinds.values())
    return Counter({kind: value / total for kind, value in kinds.items()})


def product_rate() -> float:
    """GFLOP/s of processor time, of a matrix product in float32, the best of a few."""
    left, right = torch.randn(PRODUCT, PRODUCT), torch.randn(PRODUCT, PRODUCT)
    seconds = []
    for _ in range(4):
        start = time.process_time()
        left @ right
        seconds.append(time.process_time() - start)
    return 2 * PRODUCT**3 / min(seconds) / 1e9


if __name__ == "__main__":
    main()

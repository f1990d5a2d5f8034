"""The learning rate of every step: linear warm-up, then half a cosine (Loshchilov and Hutter, SGDR, ICLR 2017)."""

import math


def learning_rate(step: int, base: float, warmup_steps: int, total_steps: int) -> float:
    """The rate of a step counted from 0; the very first step has rate 0 where there is a warm-up.

    W        at most half of the training
    t < W:   base t / W
    t >= W:  base / 2 (1 + cos(pi (t - W) / (total - W)))
    """
    warmup_steps = min(warmup_steps, total_steps // 2)
    if step < warmup_steps:
        return base * step / warmup_steps
    return base / 2 * (1 + math.cos(math.pi * (step - warmup_steps) / (total_steps - warmup_steps)))

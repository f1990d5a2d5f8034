"""How many times faster: two functions timed in turn in one process.

    seconds = in_turn(ours, peer, rounds=15)
    ratio = ratio_of(seconds)              # peer / ours: above 1 ours is faster
    print(ratio)                           # 4.2x (3.9 to 4.6)

A machine that others use too slows down both functions of a round alike, so the ratio of a round moves less than the
times themselves, and the median of the ratios less than any of them.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SHORTEST_SAMPLE = 0.05  # seconds; a faster function is called several times for one sample


@dataclass(frozen=True)
class Seconds:
    """Of one call, a pair for every round."""

    ours: list[float]
    peer: list[float]


@dataclass(frozen=True)
class Ratio:
    """peer / ours over the rounds."""

    median: float
    p10: float
    p90: float

    @property
    def resolved(self) -> bool:
        """Whether the spread lies on one side of 1: otherwise nothing can be said about who is faster."""
        return self.p10 > 1 or self.p90 < 1

    def __str__(self) -> str:
        spread = f"{self.p10:.2f} to {self.p90:.2f}"
        return f"{self.median:.2f}x ({spread})" if self.resolved else f"not resolved ({self.median:.2f}x, {spread})"


def in_turn(
    ours: Callable[[], object],
    peer: Callable[[], object],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    wait: Callable[[], None] = lambda: None,
) -> Seconds:
    """Time both functions in every round, the one that begins changing from round to round; a first call is dropped.

    Args:
        wait: until what a function began is finished, where that is on another device.
    """

    def sample(function: Callable[[], object], calls: int) -> float:
        start = clock()
        for _ in range(calls):
            function()
        wait()
        return (clock() - start) / calls

    def calls_for_a_sample(function: Callable[[], object]) -> int:
        seconds = sample(function, 1)  # fills caches, asks for memory
        if seconds < SHORTEST_SAMPLE:
            seconds = sample(function, 1)
        return max(1, math.ceil(SHORTEST_SAMPLE / max(seconds, 1e-6)))

    functions = (ours, peer)
    calls = [calls_for_a_sample(function) for function in functions]
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            seconds[which].append(sample(functions[which], calls[which]))
    return Seconds(*seconds)


def ratio_of(seconds: Seconds) -> Ratio:
    """Median, 10th and 90th percentile of the rounds' ratios, in the rounds' own pairs."""
    ratios = np.asarray(seconds.peer) / np.asarray(seconds.ours)
    return Ratio(*(float(value) for value in np.percentile(ratios, [50, 10, 90])))

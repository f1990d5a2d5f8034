"""Ours beside a peer that does the same work, and how many times faster it is.

    row = compared(contest, rounds=15)      # its ratios are peer / ours: above 1 ours is faster

A machine that others use too slows down both functions of a round alike, so the ratio of a round moves less than the
times themselves, and the median of the ratios less than any of them.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

SHORTEST_SAMPLE = 0.05  # seconds; a faster function is called several times for one sample


class NotMeasured(Exception):
    """The message says why nothing can be measured here."""


@dataclass(frozen=True)
class Contest:
    """Two functions that do the same work on data made beforehand."""

    ours: Callable[[], object]
    peer: Callable[[], object]
    difference: Callable[[], float]  # makes both do it: the largest difference of their results
    allowed: float  # a difference up to here is the same result; above it no ratio is printed


@dataclass(frozen=True)
class Case:
    """How long ours takes beside a peer. It is prepared only when its turn comes: its memory is its own."""

    name: str  # of letters, digits and underscores
    work: str  # what both do, in words, with the sizes
    peer: str  # who ours is measured against, in words
    prepare: Callable[[], Contest]
    wanted: float | None = None  # the ratio peer / ours to reach, where there is one
    threads: int | None = None  # of torch; None: as many as there are cores
    rounds: int = 15  # pairs of timings
    packages: tuple[str, ...] = ()  # beside torch and numpy, whose versions matter to this case


def compared(contest: Contest, rounds: int, wait: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """What is measured, or why not: nothing is timed where the results differ; ``wait`` as in ``in_turn``."""
    difference = contest.difference()
    row: dict[str, Any] = {"difference": difference, "allowed": contest.allowed}
    if not difference <= contest.allowed:  # also where it is not a number
        return {"status": "differs", "reason": differs(difference, contest.allowed), **row}
    ours, peer = in_turn(contest.ours, contest.peer, rounds, wait=wait)
    times = {"ours_seconds": sorted(ours)[rounds // 2], "peer_seconds": sorted(peer)[rounds // 2]}
    return {"status": "measured", "rounds": rounds, **times, **ratios(ours, peer), **row}


def differs(difference: float, allowed: float) -> str:
    return f"ours and the peer differ by {difference:.3g}, more than {allowed:.3g}: no ratio"


def in_turn(
    ours: Callable[[], object],
    peer: Callable[[], object],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    wait: Callable[[], None] = lambda: None,
) -> tuple[list[float], list[float]]:
    """Seconds of a call of each, a pair for every round; which begins changes from round to round.

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
    return seconds


def ratios(ours: list[float], peer: list[float]) -> dict[str, float]:
    """Median, 10th and 90th percentile of the rounds' ratios, in the rounds' own pairs."""
    found = np.percentile(np.asarray(peer) / np.asarray(ours), [50, 10, 90])
    return dict(zip(("ratio_median", "ratio_p10", "ratio_p90"), map(float, found), strict=True))


def in_words(median: float, p10: float, p90: float) -> str:
    """4.20x (3.90 to 4.60); not resolved where the spread lies on both sides of 1."""
    spread = f"{p10:.2f} to {p90:.2f}"
    return f"{median:.2f}x ({spread})" if p10 > 1 or p90 < 1 else f"not resolved ({median:.2f}x, {spread})"

"""What a case of the benchmark is: ours and a peer that do the same work, and how to tell that they do.

Files of benchmarks/cases/ each have a list CASES of these. A case is prepared only when its turn comes, so that what it
imports and the memory that it takes are its own.
"""

from collections.abc import Callable
from dataclasses import dataclass


class NotMeasured(Exception):
    """The message says why nothing can be measured here."""


@dataclass(frozen=True)
class Contest:
    """Two functions that do the same work on data made beforehand.

    Args:
        difference: makes both do it and returns the largest difference of their results.
        allowed: a difference up to here is the same result; above it no ratio is printed.
    """

    ours: Callable[[], object]
    peer: Callable[[], object]
    difference: Callable[[], float]
    allowed: float


@dataclass(frozen=True)
class Case:
    """How long ours takes beside a peer.

    Args:
        name: of letters, digits and underscores.
        work: what both do, in words, with the sizes.
        peer: who ours is measured against, in words.
        wanted: the ratio peer / ours to reach, where there is one.
        threads: of torch; None: as many as there are cores.
        rounds: pairs of timings.
        packages: beside torch and numpy, whose versions matter to this case.
    """

    name: str
    work: str
    peer: str
    prepare: Callable[[], Contest]
    wanted: float | None = None
    threads: int | None = None
    rounds: int = 15
    packages: tuple[str, ...] = ()

"""What a case of the benchmark is: ours and a peer that do the same work, and how to tell that they do.

Files of benchmarks/cases/ each have a list CASES of these. A case is prepared only when its turn comes, so that what it
imports and the memory that it takes are its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any


class MissingPeer(Exception):
    """The peer is not installed; the message says what is missing and how to get it."""


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
class TimeCase:
    """How long ours takes beside a peer.

    Args:
        name: of letters, digits and underscores.
        work: what both do, in words, with the sizes.
        peer: who ours is measured against, in words.
        wanted: the ratio peer / ours to reach, where there is one.
        threads: of torch; None: as many as there are cores.
        rounds: pairs of timings.
        full: only in the long benchmark.
        device: "cpu" or "cuda", where both do it.
        packages: beside torch and numpy, whose versions matter to this case.
    """

    name: str
    work: str
    peer: str
    prepare: Callable[[], Contest]
    wanted: float | None = None
    threads: int | None = None
    rounds: int = 15
    full: bool = False
    device: str = "cpu"
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class MemoryCase:
    """How much memory ours takes beside a peer, each in a process of its own that finds its data in files.

    Args:
        make_data: writes the data into a folder.
        ours, peer: "module:function"; the function takes the folder and returns ``() -> result``, a result that JSON
            can hold. None for the peer: ours alone is measured.
        difference: of the two results; with ``allowed`` as above.
        wanted: ours / peer, the share of the peer's memory that ours may take at most.
    """

    name: str
    work: str
    peer: str
    make_data: Callable[[Any], None]
    ours: str
    difference: Callable[[Any, Any], float]
    allowed: float
    peer_function: str | None = None
    wanted: float | None = None
    threads: int | None = None
    full: bool = False
    device: str = "cpu"
    packages: tuple[str, ...] = field(default=())


def peer_package(name: str) -> ModuleType:
    """Import an optional peer.

    Raises:
        MissingPeer: it is not installed, or does not import here.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPeer(
            f"{name} cannot be imported ({error}); pip install -r benchmarks/requirements-bench.txt"
        ) from None

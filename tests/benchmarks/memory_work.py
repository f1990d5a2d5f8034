"""Work that takes a known amount of memory, for the tests of its measurement."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

MEBIBYTE = 2**20


def write_size(folder: Path) -> None:
    np.save(folder / "size.npy", np.array(40 * MEBIBYTE))


def takes(times: int, answer: int) -> Callable[[Path], Callable[[], int]]:
    """Work that holds so many times the size in the folder for a moment."""

    def prepared(folder: Path) -> Callable[[], int]:
        size = int(np.load(folder / "size.npy")) * times

        def work() -> int:
            held = np.ones(size, np.uint8)
            del held
            return answer

        return work

    return prepared


takes_once, takes_thrice, answers_otherwise = takes(1, 7), takes(3, 7), takes(3, 8)

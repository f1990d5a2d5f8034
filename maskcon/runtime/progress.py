"""How far a long work is: a bar in a terminal, a line now and then where there is none."""

import sys

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10


def progress_bar(title: str, total: int | None, done: int = 0, unit: str = "image") -> tqdm:
    """A bar that ``update(number)`` moves; ``done`` of ``total`` were done before."""
    seconds = 0.1 if sys.stderr.isatty() else SECONDS_BETWEEN_LINES
    return tqdm(
        desc=title,
        total=total,
        initial=done,
        unit=unit,
        unit_scale=unit == "B",
        mininterval=seconds,
        delay=seconds,
        leave=False,
    )

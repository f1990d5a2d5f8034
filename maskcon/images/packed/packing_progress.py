"""How far a packing is: a bar in a terminal, a line every few seconds where there is none.

progress = PackingProgress("decoding cars196", total=16_185)
progress.add(100)
for chunk in with_progress(chunks, "writing cars196/train", total=8_144): ...
"""

import sys
import time
from collections.abc import Iterable, Iterator

import numpy as np
from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10


class PackingProgress:
    """Counts images; ``done`` of them were done before."""

    def __init__(self, title: str, total: int, done: int = 0):
        self.title = title
        self.bar = tqdm(desc=title, total=total, initial=done, unit="image", disable=not sys.stderr.isatty())
        self.total, self.done, self.before = total, done, done
        self.started = self.said = time.monotonic()
        if done:
            print(f"{title}: {done:,} of {total:,} images were done before", flush=True)

    def add(self, number: int) -> None:
        self.done += number
        self.bar.update(number)
        now = time.monotonic()
        if self.bar.disable and now - self.said >= SECONDS_BETWEEN_LINES:
            self.said = now
            speed = (self.done - self.before) / (now - self.started)
            left = (self.total - self.done) / speed
            print(
                f"{self.title}: {self.done:,} of {self.total:,} images, {speed:,.0f} a second, {left:,.0f} s left",
                flush=True,
            )

    def close(self) -> None:
        self.bar.close()

    def sum_up(self) -> None:
        """Close, and say how many images took how long."""
        self.close()
        seconds = time.monotonic() - self.started
        print(f"{self.title}: {self.done - self.before:,} images in {seconds:,.1f} s", flush=True)


def with_progress(chunks: Iterable[np.ndarray], title: str, total: int) -> Iterator[np.ndarray]:
    """The chunks [b, ...], of ``total`` images altogether, counted as they are used up."""
    progress = PackingProgress(title, total)
    for chunk in chunks:
        yield chunk
        progress.add(len(chunk))
    progress.close()

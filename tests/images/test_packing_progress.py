from types import SimpleNamespace

import numpy as np
import pytest

from maskcon.images.packed import packing_progress
from maskcon.images.packed.packing_progress import PackingProgress, with_progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still; tick(seconds) moves it."""
    now = [0.0]
    monkeypatch.setattr(packing_progress, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def tick(seconds):
        now[0] += seconds

    return tick


def test_a_line_every_ten_seconds_where_there_is_no_terminal(clock, capsys):
    progress = PackingProgress("decoding", total=1000, done=200)
    for _ in range(4):
        clock(6)
        progress.add(60)
    progress.sum_up()
    assert capsys.readouterr().out.splitlines() == [
        "decoding: 200 of 1,000 images were done before",
        "decoding: 320 of 1,000 images, 10 a second, 68 s left",
        "decoding: 440 of 1,000 images, 10 a second, 56 s left",
        "decoding: 240 images in 24.0 s",
    ]


def test_chunks_pass_through_and_are_counted_once_they_are_used(clock, capsys):
    chunks = [np.zeros((3, 2)), np.ones((5, 2))]
    passed = []
    for chunk in with_progress(iter(chunks), "writing", total=8):
        passed.append(chunk)
        clock(20)
    assert all(one is other for one, other in zip(passed, chunks, strict=True))
    assert capsys.readouterr().out.splitlines() == [
        "writing: 3 of 8 images, 0 a second, 33 s left",
        "writing: 8 of 8 images, 0 a second, 0 s left",
    ]

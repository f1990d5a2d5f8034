"""Scores that need not be computed again: of features that many trainings share, as those before training.

scores = kept_scores(Path("kept"), [features, coarse], lambda: query_scores(features, coarse, None, [1]))
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from maskcon.evaluation.retrieval.intervals import Scores
from maskcon.runtime.atomic_files import write_atomically


def kept_scores(folder: Path, inputs: Iterable[np.ndarray], compute: Callable[[], Scores]) -> Scores:
    """What ``compute`` gives, from ``folder`` where it has been asked for these inputs.

    Args:
        folder: of one version of the code.
        inputs: arrays that decide the scores, all of them.
    """
    digest = hashlib.sha256()
    for array in inputs:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    path = folder / f"{digest.hexdigest()}.npz"
    if not path.exists():
        scores = compute()
        write_atomically(path, lambda file: np.savez(file, **scores))
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)

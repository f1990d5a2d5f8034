"""The pairs of classes that a search confuses most: each image's nearest other image is of the other class.

pairs = confused_pairs(labels, nearest, most=20)
pairs[0].share       # of the images of both classes
"""

from typing import NamedTuple

import numpy as np


class ConfusedPair(NamedTuple):
    """Two classes, the lower label first."""

    one: int
    other: int
    confused: int  # images of either whose nearest image is of the other
    images: int  # of both

    @property
    def share(self) -> float:
        return self.confused / self.images


def confused_pairs(labels: np.ndarray, nearest: np.ndarray, most: int) -> list[ConfusedPair]:
    """At most ``most`` pairs, the largest share first; of equal ones the lower labels.

    Args:
        labels: int64 [N].
        nearest: int64 [N], the image nearest to each, as a place in ``labels``.
    """
    classes, images = np.unique(labels, return_counts=True)
    count_of = dict(zip(classes.tolist(), images.tolist(), strict=True))
    wrong = labels != labels[nearest]
    both = np.sort(np.stack([labels[wrong], labels[nearest[wrong]]], axis=1), axis=1)  # [confused, 2]
    found, confused = np.unique(both, axis=0, return_counts=True)
    pairs = [
        ConfusedPair(one, other, count, count_of[one] + count_of[other])
        for (one, other), count in zip(found.tolist(), confused.tolist(), strict=True)
    ]
    return sorted(pairs, key=lambda pair: (-pair.share, pair))[:most]

"""What a few seeds say of a method: mean, spread, and the difference to another method on the same seeds.

summary = summarise({1: 0.61, 2: 0.63, 3: 0.62})               # value by seed
difference = paired_difference(values, of_the_baseline)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95  # of all intervals here


@dataclass(frozen=True)
class Summary:
    """A sample of one number per seed; what n does not allow is None."""

    n: int
    mean: float
    sd: float | None  # over seeds, with n - 1
    low: float | None  # of the 95% interval of the mean
    high: float | None

    @property
    def excludes_zero(self) -> bool:
        """True where the mean differs from zero by more than chance explains; not known (False) with one seed."""
        return self.low is not None and (self.low > 0 or self.high < 0)


def summarise(by_seed: Mapping[int, float]) -> Summary:
    """Mean and its Student interval, mean -+ t(n - 1) sd / sqrt(n), of one value or more."""
    values = np.array([by_seed[seed] for seed in sorted(by_seed)], dtype=np.float64)
    n = len(values)
    mean = float(values.mean())
    if n == 1:
        return Summary(1, mean, None, None, None)
    sd = float(values.std(ddof=1))
    half = float(student.ppf((1 + LEVEL) / 2, n - 1)) * sd / math.sqrt(n)
    return Summary(n, mean, sd, mean - half, mean + half)


def paired_difference(by_seed: Mapping[int, float], baseline: Mapping[int, float]) -> Summary | None:
    """Of value minus the baseline's over the seeds that both have; None where they share none.

    Pairs take out what a seed does to both alike: initial weights, order of the images, views.
    """
    shared = sorted(by_seed.keys() & baseline.keys())
    return summarise({seed: by_seed[seed] - baseline[seed] for seed in shared}) if shared else None

"""Single scans of digits, labelled odd or even: the smallest set, for quick tests.

Raw pixels already find the digit nearly always, so this set proves nothing about a method.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from maskcon.images.reading.digit_scans import Placement, draw, drawn_split, evenly_mixed, load_scans, save_scans
from maskcon.images.reading.source import Split
from maskcon.parameters.data import ComposedSet
from maskcon.parameters.errors import UserError
from maskcon.runtime.randomness import numpy_generator

Values = ComposedSet


def download(root: Path, raw: Path) -> None:
    """The scans come with scikit-learn: nothing is fetched and ``root`` is not looked at."""
    save_scans(raw)


def splits(raw: Path, data: Values, scratch: Path) -> Iterator[tuple[str, Split]]:
    """Deal the scans out to train, val and test, each drawn upright in the middle of its canvas."""
    scans = load_scans(raw)
    wanted = data.images.model_dump()
    if sum(wanted.values()) > len(scans.digits):
        raise UserError(f"data.images={wanted} asks for more than the {len(scans.digits)} scans there are; lower it")

    order = evenly_mixed(scans.digits, numpy_generator(data.seed, "digits"))
    for split, start in zip(wanted, np.cumsum([0, *wanted.values()]), strict=False):
        chosen = np.sort(order[start : start + wanted[split]])
        number = wanted[split]
        upright = Placement(
            centre_y=np.full(number, (data.height - 1) / 2),
            centre_x=np.full(number, (data.width - 1) / 2),
            rotation=np.zeros(number),
            scale=np.ones(number),
            contrast=np.ones(number),
        )
        grey = draw(scans.images[chosen], upright, data.height, data.width)
        yield split, drawn_split(grey, scans.digits[chosen], [f"scan {scan}" for scan in chosen])

"""What a data set is to the pipeline: a module maskcon/images/sources/NAME.py with a class and two functions.

    class Values(PhotoSet)                                          its values, see maskcon/parameters/data.py
    download(root: Path, raw: Path) -> None                         fill raw with checked source files
    splits(raw: Path, data: DataParameters, scratch: Path)          -> iterator of (split, Split): train, val and test

``scratch`` keeps what a packing that was interrupted has done, for the next one; only a source whose work takes minutes
needs it. It is emptied once the set is packed. The part val may have no rows.
The table data.coarse_map then turns fine classes into coarse ones, unless the source itself carries them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maskcon.images.packed.left_out import LeftOut
from maskcon.parameters.data import DataParameters
from maskcon.parameters.plugins import plug_in

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Split:
    """One split, before coarse labels are assigned.

    ``labels`` has N rows and the columns

        source, width, height   what each image was made from, and its size there in pixels
        fine                    int64, or Int64 where some are missing; absent where there are coarse labels only
        fine_name               optional: the table of coarse labels names the classes too
        coarse, coarse_name     only where the source itself carries them

    ``images`` are chunks uint8 [b, H, W, 3] in the order of the rows, of data.stored_size, N images altogether. They
    are read once and one after the other, so that a set larger than memory streams through.
    """

    labels: pd.DataFrame
    images: Iterable[np.ndarray]
    left_out: Sequence[LeftOut] = ()


def check_source(data: DataParameters) -> None:
    """What a source refuses before DVC reads its files, where its module has a function ``check(root)``.

    Raises:
        UserError: something is wrong with the files in data.root.
    """
    check = getattr(plug_in("data.name", data.name), "check", None)
    if check is not None:
        check(Path(data.root))

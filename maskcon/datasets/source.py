"""What a data set is to the pipeline: a module maskcon/datasets/NAME.py with two functions.

    download(root: Path, raw: Path) -> None             fill raw with checked source files
    parts(raw: Path, data: DataParameters)              -> iterator of (split, Part)

``coarse_labels/NAME.csv`` then turns fine classes into coarse ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from maskcon.errors import UserError
from maskcon.parameters import DataParameters


@dataclass(frozen=True)
class Part:
    """One split, before coarse labels are assigned."""

    images: np.ndarray  # uint8 [N, H, W, 3]
    fine: np.ndarray  # int64 [N]
    sources: list[str]  # [N], what each image was made from
    original_sizes: np.ndarray  # int64 [N, 2]: width, height


class Source(Protocol):
    def download(self, root: Path, raw: Path) -> None: ...

    def parts(self, raw: Path, data: DataParameters) -> Iterator[tuple[str, Part]]: ...


def source_named(name: str) -> Source:
    """The module of a data set.

    Raises:
        UserError: there is no such module.
    """
    folder = Path(__file__).parent
    unknown = UserError(f"data.name={name!r} is no data set; choose a preset of conf/data with -S data=NAME")
    if not name.isidentifier() or not (folder / f"{name}.py").is_file():
        raise unknown
    module = import_module(f"maskcon.datasets.{name}")
    if not hasattr(module, "parts"):  # of the modules beside the data sets
        raise unknown
    return module

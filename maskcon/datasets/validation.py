"""A share of the training images kept for validation, for the sets that publish no such part.

train, val = held_out(rows, share=0.1, generator=numpy_generator(data.seed, data.name, "val"))
"""

import numpy as np
import pandas as pd


def held_out(
    rows: pd.DataFrame, share: float, generator: np.random.Generator, whole_classes: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to train on, and rows for validation, each in their order.

    Args:
        rows: with the column fine.
        share: of the images of every fine class, in [0, 1); 0 leaves validation without rows.
        whole_classes: the share is one of the fine classes instead, where a class has too few images to be shared out:
            two are needed for one to find the other.
    """
    fine = rows["fine"].to_numpy()
    is_held = np.zeros(len(rows), bool)
    if whole_classes:
        classes = np.unique(fine)
        is_held = np.isin(fine, generator.permutation(classes)[: round(share * len(classes))])
    else:
        for places in _places_by_class(fine):
            is_held[generator.permutation(places)[: round(share * len(places))]] = True
    return rows[~is_held].reset_index(drop=True), rows[is_held].reset_index(drop=True)


def _places_by_class(fine: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(fine, kind="stable")
    starts = np.flatnonzero(np.diff(fine[order])) + 1
    return np.split(order, starts)

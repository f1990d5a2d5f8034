"""A share of the training images kept for validation, for the sets that publish no such part.

train, val = held_out(rows, share=0.1, generator=numpy_generator(data.seed, data.name, "val"))
"""

import numpy as np
import pandas as pd

FEWEST_SHARED_OUT = 4  # images of a class: 2 to find each other on either side


def held_out(
    rows: pd.DataFrame, share: float, generator: np.random.Generator, whole_classes: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to train on, and rows for validation, each in their order.

    Args:
        rows: with the column fine.
        share: of the images of every fine class, in [0, 1); 0 leaves validation without rows.
        whole_classes: the share is one of the fine classes instead, where these have too few images to be shared out.
    """
    fine = rows["fine"].to_numpy()
    is_held = np.zeros(len(rows), bool)
    if whole_classes:
        classes = np.unique(fine)
        is_held = np.isin(fine, generator.permutation(classes)[: round(share * len(classes))])
    else:
        is_held[drawn_share(fine, share, generator)] = True
    return rows[~is_held].reset_index(drop=True), rows[is_held].reset_index(drop=True)


def drawn_share(
    classes: np.ndarray, share: float, generator: np.random.Generator, first: np.ndarray | None = None
) -> np.ndarray:
    """A share of each class, but at least two images, so that each can find another; none of a class under four.

    Args:
        classes: [N].
        first: bool [N]: images that are drawn before others of their class: all of them, where these are at most
            twice the share and half of the class.

    Returns:
        Indices, int64.
    """
    drawn = [np.empty(0, np.int64)]
    for members in _members_of_each(classes) if share > 0 else []:
        if len(members) >= FEWEST_SHARED_OUT:
            number = min(max(2, round(share * len(members))), len(members) - 2)
            members = generator.permutation(members)
            if first is not None:
                members = members[np.argsort(~first[members], kind="stable")]
                wanted = int(first[members].sum())
                number = wanted if number < wanted <= min(2 * number, len(members) // 2) else number
            drawn.append(members[:number])
    return np.concatenate(drawn)


def _members_of_each(classes: np.ndarray) -> list[np.ndarray]:
    """Indices of the images of each class, the classes in sorted order."""
    _, number = np.unique(classes.astype(str) if classes.dtype == object else classes, return_inverse=True)
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)

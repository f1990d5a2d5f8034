"""Pickles of data sets, read without running what they ask for.

    batch = read_plain_pickle(Path("cifar-100-python/train"))
    batch[b"data"]    # uint8 [50000, 3072]

The format is a program that may call any function by its name. This reader knows the few names by which CIFAR and the
downsampled ImageNet spell arrays and, in pickles that both versions 2 and 3 of Python read, bytes.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core.multiarray import _reconstruct

from maskcon.parameters.errors import UserError

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("_codecs", "encode"): str.encode,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which may be an attack, and was not run")
        return ALLOWED[module, name]


def read_plain_pickle(path: Path) -> Any:
    """What a file holds: dicts, lists, numbers, text and arrays. Text that Python 2 wrote stays bytes.

    Raises:
        UserError: the file asks for anything else, or is truncated or damaged.
    """
    try:
        with open(path, "rb") as file:
            return _PlainUnpickler(file, encoding="bytes").load()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; fetch it again") from error
    except Exception as error:  # a damaged program can fail in every way, as the documentation of pickle says
        raise UserError(
            f"{path} is not the pickle of a data set ({error}); delete it and fetch it again from its published address"
        ) from error

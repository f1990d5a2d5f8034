"""Pickles of data sets, read without running anything in them.

    batch = read_plain_pickle(Path("cifar-100-python/train"), encoding="bytes")
    batch[b"data"]    # uint8 [50000, 3072], read-only

The format is a program whose instructions may call any function by name. This reader knows four names, those by which
CIFAR and the downsampled ImageNet spell arrays and, in pickles that both versions 2 and 3 of Python read, bytes. Arrays
are built here from their parts, since numpy's own reader trusts whatever state it is handed.
"""

import pickle
import pickletools
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from maskcon.parameters.errors import UserError

ATOMS = (bytes, str, int, float, bool, type(None))
NUMBER_KINDS = "biuf"  # bool, int, unsigned int, float
MOST_MEMO_GAP = 1000  # numbers that a program may leave out when it counts what it remembers


def read_plain_pickle(path: Path, encoding: Literal["ASCII", "bytes", "latin1"] = "bytes") -> Any:
    """What a file holds; see ``load_plain_pickle``."""
    try:
        with open(path, "rb") as file:
            return load_plain_pickle(file, str(path), encoding)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; fetch it again") from error


def load_plain_pickle(file: BinaryIO, name: str, encoding: Literal["ASCII", "bytes", "latin1"] = "bytes") -> Any:
    """Dicts, lists, tuples, numbers, text, bytes and arrays of numbers.

    Args:
        name: of the file, for messages.
        encoding: of the text that Python 2 wrote: bytes keeps it as bytes, latin1 makes it str.

    Returns:
        The value; arrays are read-only views of the bytes that were read.

    Raises:
        UserError: the file holds or calls anything else, or is truncated or damaged.
    """
    start = file.tell()
    try:
        _require_modest_memo(file)
        file.seek(start)
        return _plain(_PlainUnpickler(file, encoding=encoding).load(), {})
    except _Refused as refused:
        raise UserError(
            f"{name} {refused}, which no data set's file needs: it may be an attack, and nothing in it was run; "
            "delete it and fetch it again from the set's published address"
        ) from None
    except Exception as error:  # a damaged program can fail in every way, as the documentation of pickle says
        raise UserError(f"{name} is no whole pickle ({type(error).__name__}: {error}); fetch it again") from error


class _Refused(Exception):
    """What a pickle does that it should not."""


def _require_modest_memo(file: BinaryIO) -> None:
    """Refuse a pickle that remembers a value at a number far above how many it has remembered.

    The reader makes room up to that number: nine bytes could ask for 32 GB.
    """
    remembered = 0
    for instruction, argument, _ in pickletools.genops(file):
        if instruction.name in ("PUT", "BINPUT", "LONG_BINPUT"):
            remembered += 1
            if argument > MOST_MEMO_GAP + remembered:
                raise _Refused(f"asks for memory for {argument:,} values")


class _ArrayType:
    """Stands for a dtype: its code, then its byte order as the state."""

    __slots__ = ("dtype",)

    def __init__(self, code: str | bytes, align: bool = False, copy: bool = True):
        self.dtype = np.dtype(_text(code))
        if self.dtype.kind not in NUMBER_KINDS:
            raise _Refused(f"holds an array of {self.dtype}")

    def __setstate__(self, state: tuple) -> None:
        _, byte_order, *parts = state
        if any(part is not None for part in parts[:3]):
            raise _Refused("holds an array of records")
        self.dtype = self.dtype.newbyteorder(_text(byte_order))


class _Array:
    """Stands for an array: made empty, then its shape, dtype and bytes as the state."""

    __slots__ = ("array",)

    def __init__(self, *_):
        self.array = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, array_type, is_fortran, content = state
        content = content.encode("latin1") if isinstance(content, str) else content
        if not isinstance(array_type, _ArrayType) or not isinstance(content, bytes):
            raise _Refused("holds an array of objects")
        flat = np.frombuffer(content, array_type.dtype)
        self.array = flat.reshape(shape, order="F" if is_fortran else "C")


NDARRAY = object()  # named as an argument, never called

ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "dtype"): _ArrayType,
    ("numpy", "ndarray"): NDARRAY,
    ("_codecs", "encode"): str.encode,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise _Refused(f"asks for {module}.{name}")
        return ADMITTED[module, name]


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """The value with its arrays in place, once everything in it is of an admitted type.

    Args:
        done: by id, what has been made plain: a value that stands in many places is made once, or a few lists that
            each hold the one before twice would never end.
    """
    if type(value) in ATOMS:
        return value
    if id(value) not in done:
        done[id(value)] = _made_plain(value, done)
    return done[id(value)]


def _made_plain(value: Any, done: dict[int, Any]) -> Any:
    if type(value) is _Array and value.array is not None:
        return value.array
    if type(value) in (list, tuple):
        return type(value)([_plain(item, done) for item in value])
    if type(value) is dict:
        return {_plain(key, done): _plain(item, done) for key, item in value.items()}
    raise _Refused(f"holds something of type {type(value).__name__}")

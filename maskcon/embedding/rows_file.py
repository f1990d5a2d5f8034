"""A table of numbers as a .npy file that several processes write together, each its rows; whole or absent, as ever.

    write_rows(path, (N, F), rows, group)        # in every process, with its own rows: (start, float32 [b, F]), ...

The bytes are those of np.save of the whole table, of which no process holds more than the rows it is writing. They are
written at their places, not through a memory map: on a file system of several machines maps of one page, where the rows
of two of them meet, would overwrite each other.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import CannotWrite, write_atomically
from maskcon.runtime.process_group import ONE_PROCESS, ProcessGroup

ROW_TYPE = np.dtype("<f4")

Rows = Iterable[tuple[int, np.ndarray]]  # the place of the first of them, and [b, F]


def write_rows(path: Path, shape: tuple[int, int], rows: Rows, group: ProcessGroup = ONE_PROCESS) -> None:
    """Write this process's rows of float32 [N, F]; those of all processes together are each of the N once.

    Raises:
        CannotWrite: as write_atomically.
        UserError: this process does not see the folder of the first one.
    """
    if group.is_first:
        write_atomically(path, lambda file: _write_beside_others(file, shape, rows, group))
    else:
        _write_into_the_file_of_the_first(path, shape, rows, group)


def _write_beside_others(file: IO[bytes], shape: tuple[int, int], rows: Rows, group: ProcessGroup) -> None:
    npy.write_array_header_1_0(file, {"descr": ROW_TYPE.str, "fortran_order": False, "shape": shape})
    file.flush()
    start = file.tell()
    group.from_first((Path(file.name).name, start))
    _write(file, start, shape, rows)
    group.wait_for_all()  # then the file gets its name


def _write_into_the_file_of_the_first(path: Path, shape: tuple[int, int], rows: Rows, group: ProcessGroup) -> None:
    name, start = group.from_first(None)
    try:
        with open(path.with_name(name), "r+b") as file:
            _write(file, start, shape, rows)
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        raise UserError(
            f"{path.parent.resolve()} is not the folder that the first process writes in; run this stage on one "
            "machine, or on machines that share the file system of the checkout"
        ) from None
    except OSError as error:
        raise CannotWrite(path, error) from error
    group.wait_for_all()


def _write(file: IO[bytes], start: int, shape: tuple[int, int], rows: Rows) -> None:
    for first, values in rows:
        file.seek(start + first * shape[1] * ROW_TYPE.itemsize)
        file.write(np.ascontiguousarray(values, ROW_TYPE).data)

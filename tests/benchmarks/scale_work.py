"""Works for a process of its own, with known needs of memory; imported there, so they stand in a module."""

import numpy as np


def takes(folder, mebibytes):
    """Memory of the process's own."""
    return {"sum": int(np.ones(mebibytes * 2**20, np.uint8).sum())}


def maps(folder, mebibytes):
    """Pages of a file, every one of them touched."""
    np.save(folder / "pages.npy", np.ones(mebibytes * 2**20, np.uint8))
    return {}


def reads(folder):
    return {"sum": int(np.load(folder / "pages.npy", mmap_mode="r")[::512].sum())}


def breaks(folder):
    raise ZeroDivisionError(f"in {folder.name}")

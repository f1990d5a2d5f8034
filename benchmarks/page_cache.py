"""Files that are to come from the disk when they are read next."""

import os
from pathlib import Path


def drop_from_page_cache(path: Path) -> None:
    """Take a file out of the system's page cache; what is not on the disk yet goes there first."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)

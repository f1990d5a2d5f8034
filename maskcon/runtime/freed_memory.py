"""Freed memory is kept for the next tensor of that size, as every step frees and asks for the same tensors again.

Usually the C library gives large pieces back; each page that is asked for anew is then zeroed by the system, one thread
at a time.
"""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # names of mallopt's options in glibc's malloc.h
KEPT = 2**30  # bytes free at the end of the heap before any are given back
LARGEST_KEPT = 2**25  # bytes of a piece; the most that glibc takes


def keep_freed_memory() -> None:
    """From now on this process keeps up to 1 GiB of what it frees, where the C library is glibc."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(MMAP_THRESHOLD, LARGEST_KEPT)
        set_option(TRIM_THRESHOLD, KEPT)

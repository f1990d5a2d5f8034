"""What becomes of memory that is freed: kept for the next tensor of that size, or given back to the system.

Every step frees and asks for the same tensors again. Usually the C library gives large pieces back; each page that is
asked for anew is then found and zeroed by the system, one thread at a time.
"""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # names of mallopt's options in glibc's malloc.h
KEPT = 2**30  # bytes free at the end of the heap before any are given back
LARGEST_KEPT = 2**25  # bytes of a piece; the most that glibc takes


def keep_freed_memory() -> bool:
    """From now on this process keeps up to 1 GiB of what it frees; False where the C library has no such option.

    The process holds about as much as it held at its highest until it ends.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's: neither macOS nor musl has it
    if set_option is None:
        return False
    return bool(set_option(MMAP_THRESHOLD, LARGEST_KEPT)) and bool(set_option(TRIM_THRESHOLD, KEPT))

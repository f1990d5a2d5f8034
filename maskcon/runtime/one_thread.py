"""Work of many small sums: on one thread each, and several at a time.

The result has the same bytes on any number of cores. Threads that share such work wait for each other after each sum:
they gain little alone, and lose much beside other work.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TypeVar

Case = TypeVar("Case")
Result = TypeVar("Result")


def on_one_thread_each(work: Callable[[Case], Result], cases: Iterable[Case], library: str) -> list[Result]:
    """``work`` of each case, in their order.

    Args:
        library: the module that does it, as ``sklearn.manifold``: only what is loaded already can be limited.
    """
    from threadpoolctl import threadpool_limits

    def limited(case: Case) -> Result:
        with threadpool_limits(1):  # again: OpenMP's number is one of each thread's own
            return work(case)

    import_module(library)
    with threadpool_limits(1), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(limited, cases))

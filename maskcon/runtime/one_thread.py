"""Work on one thread: of many small sums, several at a time, or beside the main thread.

The result has the same bytes on any number of cores. Threads that share many small sums wait for each other after each:
they gain little alone, and lose much beside other work.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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


def thread_beside(name: str) -> ThreadPoolExecutor:
    """A thread that makes ready what the main one needs next, itself on one core.

    With OpenMP threads of its own there would be more of them than cores. Then all of them sleep after each operation,
    and waking those of the main thread took a quarter of the time of a network's forward passes.
    """
    from threadpoolctl import threadpool_limits

    return ThreadPoolExecutor(
        1, thread_name_prefix=name, initializer=partial(threadpool_limits, limits=1, user_api="openmp")
    )

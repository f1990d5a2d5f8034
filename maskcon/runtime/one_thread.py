"""Work on one thread: of many small sums, several at a time, or beside the main thread.

The result has the same bytes on any number of cores. Threads that share many small sums wait for each other after each:
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

    import_module(library)
    with threadpool_limits(1), ThreadPoolExecutor(len(os.sched_getaffinity(0)), initializer=_stay_on_one_core) as pool:
        return list(pool.map(work, cases))


def thread_beside(name: str) -> ThreadPoolExecutor:
    """A thread that makes ready what the main one needs next, itself on one core.

    With OpenMP threads of its own there would be more of them than cores. Then all of them sleep after each operation,
    and waking those of the main thread took a quarter of the time of a network's forward passes.
    """
    return ThreadPoolExecutor(1, thread_name_prefix=name, initializer=_stay_on_one_core)


def _stay_on_one_core() -> None:
    """OpenMP's number of threads is one of each thread's own."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.get_num_threads()  # sets its own number where a thread asks first: after the next line that would undo it
    threadpool_limits(1, user_api="openmp")

"""Processes as torchrun would start them, joined by gloo, at the cost of milliseconds each.

    run_joined(2, work, folder)                # work(folder) in each, with its rank in the environment

``work`` is a function of one of WORKING, which the process that all are forked from has imported once.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Callable
from typing import Any

import torch
from torch.multiprocessing import start_processes

from tests.conftest import REPOSITORY
from tests.support.servers import free_port

WORKING = ["tests.training.shared_steps"]
LONGEST = 300  # seconds, after which one that waits for nothing is ended


def run_joined(number: int, work: Callable[..., None], *inputs: Any) -> None:
    """Return when all have ended by themselves. Raises: as torch.multiprocessing, where one did, or was killed."""
    port = free_port()
    multiprocessing.set_forkserver_preload(WORKING)
    with contextlib.chdir(REPOSITORY):  # from where alone the first process finds the tests
        running = start_processes(_one, (number, port, work, inputs), number, join=False, start_method="forkserver")
    for process in running.processes:
        process.join(LONGEST)
    running.join()


def _one(rank: int, number: int, port: int, work: Callable[..., None], inputs: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(number)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    work(*inputs)

"""The processes that do one stage's work together, on one machine or several, and what they tell each other.

    with joined_group() as group:               # of one process, unless torchrun or train.processes started several
        for batch in group.share_of(batches):   # every N-th of them
            ...
        everything = group.values_of_all(found)

One process is a group of one, for which nothing of torch.distributed is called.
"""

import contextlib
import datetime
import os
from collections.abc import Iterator
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from maskcon.parameters.errors import ProcessLost, UserError

LONGEST_WAIT = datetime.timedelta(days=1)  # for another process at work; one that has ended is noticed at once

Items = TypeVar("Items")  # what can be sliced: a tensor, a list, a range


class ProcessGroup:
    """This process and those that it works with: process ``rank`` of ``number``, which torch.distributed has joined.

    All processes of a group call the same methods in the same order, but for ``share_of``.
    """

    def __init__(self, rank: int = 0, number: int = 1):
        self.rank, self.number = rank, number

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes, and shows what is done."""
        return self.rank == 0

    def share_of(self, items: Items) -> Items:
        """Every N-th item, or row of a tensor [B, ...]."""
        return items[self.rank :: self.number]

    def from_first(self, value: Any) -> Any:
        """The first process's value; tensors in it are on the CPU."""
        if self.number == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def values_of_all(self, mine: Any) -> list[Any]:
        """The values of all processes, by rank, in each of them; tensors in them are on the CPU."""
        if self.number == 1:
            return [mine]
        values = [None] * self.number
        dist.all_gather_object(values, mine)
        return values

    def largest(self, mine: int) -> int:
        """The largest of all processes' numbers."""
        if self.number == 1:
            return mine
        number = torch.tensor(mine)  # on the CPU, so that the GPU is not waited for
        dist.all_reduce(number, dist.ReduceOp.MAX)
        return int(number)

    def wait_for_all(self) -> None:
        """Return once every process has come here."""
        self.largest(0)


ONE_PROCESS = ProcessGroup()


def gathered(mine: Tensor) -> list[Tensor]:
    """The tensors of all processes, which have one shape, by rank."""
    mine = mine.contiguous()
    parts = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, mine)
    return parts


def started_as_one_of_several() -> bool:
    """Whether torchrun, or train.processes, started this process; it says so in the environment."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextlib.contextmanager
def joined_group(longest_wait: datetime.timedelta = LONGEST_WAIT) -> Iterator[ProcessGroup]:
    """The group that this process was started in, joined while the block runs; each has its own GPU, if there are any.

    Raises:
        ProcessLost: another one has ended meanwhile.
    """
    if not started_as_one_of_several():
        yield ONE_PROCESS
        return
    on_gpus = torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(_own_gpu())
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpus else "gloo", timeout=longest_wait)
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    except RuntimeError as error:
        if not _is_lost_connection(error):
            raise
        raise ProcessLost(
            "another process of this stage has ended, so this one ends too; the same command goes on"
        ) from None
    dist.destroy_process_group()


def _own_gpu() -> int:
    """The number of this process's GPU on its machine."""
    own, there_are = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if own >= there_are:
        raise UserError(
            f"process {own + 1} of this machine has no GPU of its own, there are {there_are}; start one process a GPU, "
            f"with train.processes={there_are} or torchrun --nproc-per-node={there_are}"
        )
    return own


def _is_lost_connection(error: RuntimeError) -> bool:
    """Whether torch.distributed raised it because another process is gone: gloo's errors have no class of their own."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)

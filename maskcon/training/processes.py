"""The processes of one training, on one machine or several: what each does of a batch, and how they stay one.

    with joined_processes(batch_norm="synchronised") as processes:
        ...                                    # ALONE, unless torchrun or train.processes started this one

Of N processes each augments and encodes every N-th image of a batch. What the networks put out is joined, in the
batch's order, in every process; all that follows (targets, contrast, extra heads, queue) each computes on the whole
batch. So a method is written as for one process, and nothing in it depends on their number:

    L      = L(f(x_1), ..., f(x_B))                                           the same in all processes
    dL/dw  = sum_r sum_{i of process r} dL/df(x_i) df(x_i)/dw                 w: weights of the network f

DistributedDataParallel takes the mean over processes of each weight's gradient. ``joined`` hands the sum over processes
back to the network, N times the gradient as all have the same, whose mean is the sum above; weights of extra heads,
which stand behind it, have the whole gradient in every process, and that is its own mean.
"""

import contextlib
import datetime
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.parallel import DistributedDataParallel

from maskcon.encoders.networks.batch_norm import synchronised
from maskcon.parameters.errors import ProcessLost, UserError
from maskcon.parameters.train import TrainParameters, cannot_be_shared
from maskcon.runtime.several_processes import started_as_one_of_several

LONGEST_WAIT = datetime.timedelta(minutes=30)  # for another process, while the first loads or writes a checkpoint


class Processes:
    """The one process of a training that has no other: nothing to share or to join.

    All processes of a training call the same methods in the same order, but for ``share_of``.
    """

    rank, number = 0, 1

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes, and shows what is done."""
        return self.rank == 0

    def share_of(self, rows: Tensor) -> Tensor:
        """Every N-th row of a tensor, [B, ...] -> [b, ...]."""
        return rows[self.rank :: self.number]

    def size_of_share(self, size: int) -> int:
        """Images of a batch of this size that this process encodes."""
        return size // self.number

    def joined(self, mine: Tensor) -> Tensor:
        """The rows of all processes, [b, ...] -> [B, ...], where ``share_of`` took them from; with gradient."""
        return mine

    def exchanged_for_keys(self, view: Tensor) -> Tensor:
        """The rows [b, ...] that this process encodes as keys, which with shuffled batch norm are others' too."""
        return view

    def joined_keys(self, mine: Tensor) -> Tensor:
        """The keys of all processes, [b, D] -> [B, D], in the batch's order."""
        return mine

    def prepared(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network with batch norm as several processes need it."""
        return network

    def with_mean_gradients(self, learner: nn.Module, all_weights_used: bool) -> Callable[..., Tensor]:
        """What computes the learner's loss such that backward leaves the same gradients in all processes."""
        return learner

    def take_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors by those of the first process."""

    def from_first(self, value: Any) -> Any:
        """The first process's value; tensors in it are on the CPU."""
        return value

    def largest(self, mine: int) -> int:
        """The largest of all processes' numbers."""
        return mine


ALONE = Processes()


class SeveralProcesses(Processes):
    """This one of several, which torch.distributed has joined.

    Args:
        batch_norm: "synchronised": statistics of the joined batch, so that N processes do what one does; "as_loaded"
            needs none. "shuffled": each process's own, and the key of an image is encoded among other images than its
            query, so that what they have in common does not give the key away (He et al., MoCo, CVPR 2020, section
            3.3).
    """

    def __init__(self, batch_norm: str):
        self.rank, self.number = dist.get_rank(), dist.get_world_size()
        self.batch_norm = batch_norm

    def joined(self, mine: Tensor) -> Tensor:
        return torch.stack(all_gather(mine), dim=1).flatten(0, 1)  # row i of process r becomes row i N + r

    def exchanged_for_keys(self, view: Tensor) -> Tensor:
        # Queries are every N-th image of a batch, keys so many in a row. The order of images is drawn anew in each
        # epoch: which of them share a process is chance in both, and no more need be drawn.
        if self.batch_norm != "shuffled":
            return view
        return self.joined(view).chunk(self.number)[self.rank]

    def joined_keys(self, mine: Tensor) -> Tensor:
        return torch.cat(all_gather(mine)) if self.batch_norm == "shuffled" else self.joined(mine)

    def prepared(self, network: nn.Module, device: torch.device) -> nn.Module:
        return synchronised(network, device) if self.batch_norm == "synchronised" else network

    def with_mean_gradients(self, learner: nn.Module, all_weights_used: bool) -> Callable[..., Tensor]:
        return DistributedDataParallel(learner, broadcast_buffers=False, find_unused_parameters=not all_weights_used)

    def take_from_first(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            dist.broadcast(tensor, src=0)

    def from_first(self, value: Any) -> Any:
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def largest(self, mine: int) -> int:
        number = torch.tensor(mine)  # on the CPU, so that the GPU is not waited for
        dist.all_reduce(number, dist.ReduceOp.MAX)
        return int(number)


def require_shares(recipe: TrainParameters, processes: Processes) -> None:
    """Raises: UserError, where torchrun started a number of processes that the batch cannot be cut for."""
    if problem := cannot_be_shared(recipe.batch_size, processes.number, recipe.accumulate):
        raise UserError(f"train.{problem} ({processes.number} processes, train.accumulate={recipe.accumulate})")


@contextlib.contextmanager
def joined_processes(batch_norm: str) -> Iterator[Processes]:
    """The processes that this one was started with, joined while the block runs; each has its own GPU, if any.

    Raises:
        ProcessLost: another one has ended meanwhile.
        UserError: there are fewer GPUs than processes.
    """
    if not started_as_one_of_several():
        yield ALONE
        return
    on_gpus = torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(_own_gpu())
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpus else "gloo", timeout=LONGEST_WAIT)
        yield SeveralProcesses(batch_norm)
    except RuntimeError as error:
        of_gloo = "gloo" in str(error)  # its errors have no class of their own
        if not (of_gloo or isinstance(error, dist.DistError)):
            raise
        raise ProcessLost(
            "another process of this stage has ended, so this one ends too; run the same command again to continue"
        ) from None
    dist.destroy_process_group()


def _own_gpu() -> int:
    """The number of this process's GPU on its machine."""
    own, available = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if own >= available:
        raise UserError(
            f"process {own + 1} of this machine has no GPU of its own, there are {available}; start one process per "
            f"GPU, with train.processes={available} or torchrun --nproc-per-node={available}"
        )
    return own

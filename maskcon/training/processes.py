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
from collections.abc import Callable, Iterable, Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.parallel import DistributedDataParallel

from maskcon.encoders.batch_norm import synchronised
from maskcon.runtime.process_group import ProcessGroup, joined_group

LONGEST_WAIT = datetime.timedelta(minutes=30)  # for another process, while the first loads or writes a checkpoint


class Processes(ProcessGroup):
    """The one process of a training that has no other: nothing to share or to join."""

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


ALONE = Processes()


class SeveralProcesses(Processes):
    """This one of several, which torch.distributed has joined.

    Args:
        group: those that it belongs to.
        batch_norm: "synchronised": statistics of the joined batch, so that N processes do what one does. "shuffled":
            each process's own, and the key of an image is encoded among other images than its query, so that what they
            have in common does not give the key away (He et al., MoCo, CVPR 2020, section 3.3).
    """

    def __init__(self, group: ProcessGroup, batch_norm: str):
        super().__init__(group.rank, group.number)
        self.batch_norm = batch_norm

    def joined(self, mine: Tensor) -> Tensor:
        return torch.stack(all_gather(mine), dim=1).flatten(0, 1)  # row i of process r becomes row i N + r

    def exchanged_for_keys(self, view: Tensor) -> Tensor:
        # Queries are every N-th image of a batch, keys so many in a row. The order of images is drawn anew in each
        # epoch: which of them share a process is chance in both, and no more need be drawn.
        if self.batch_norm == "synchronised":
            return view
        return self.joined(view).chunk(self.number)[self.rank]

    def joined_keys(self, mine: Tensor) -> Tensor:
        return self.joined(mine) if self.batch_norm == "synchronised" else torch.cat(all_gather(mine))

    def prepared(self, network: nn.Module, device: torch.device) -> nn.Module:
        return synchronised(network, device) if self.batch_norm == "synchronised" else network

    def with_mean_gradients(self, learner: nn.Module, all_weights_used: bool) -> Callable[..., Tensor]:
        return DistributedDataParallel(learner, broadcast_buffers=False, find_unused_parameters=not all_weights_used)

    def take_from_first(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            dist.broadcast(tensor, src=0)


@contextlib.contextmanager
def joined_processes(batch_norm: str) -> Iterator[Processes]:
    """The processes that this one belongs to, joined while the block runs. Raises: ProcessLost, as joined_group."""
    with joined_group(LONGEST_WAIT) as group:
        yield SeveralProcesses(group, batch_norm) if group.number > 1 else ALONE

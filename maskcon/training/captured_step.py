"""The training step recorded once as a CUDA graph, then replayed: one launch instead of some six hundred.

    step = fastest_step(learner)                        # training_step itself, where there is nothing to gain
    loss = step(learner, optimizer, batch, progress)

A graph repeats the same kernels with the same numbers at the same addresses. So batches are copied into tensors that
stay, the learning rate is a tensor, and all that a step moves (networks, momenta, the queue and its position) it moves
in place. What a step draws or decides on the CPU would be recorded once for all: a method that does so (Method.on_host)
is trained step by step, and so is any other should the recording fail.

Source: PyTorch's notes on CUDA semantics, section CUDA Graphs.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from maskcon.training.batches import Batch
from maskcon.training.step import ContrastiveLearner, training_step

WARM_UP_STEPS = 3  # before the recording: libraries choose their kernels, momenta come into being

Step = Callable[..., Tensor]  # (learner, optimizer, batch, progress=0.0) -> loss


class Recorder(Protocol):
    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work, in the place where it is going to be recorded."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record the work without doing it; what is returned does it."""


class GraphRecorder:
    """Records CUDA graphs, on a stream of its own as they must be."""

    def __init__(self) -> None:
        torch.backends.cudnn.benchmark = True  # shapes never change, so the fastest convolution is worth looking for
        self.stream = torch.cuda.Stream()

    def warm_up(self, work: Callable[[], None]) -> None:
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            work()
        torch.cuda.current_stream().wait_stream(self.stream)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        graph = torch.cuda.CUDAGraph()
        # "thread_local": the thread that streams images may go on using the device meanwhile
        with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
            work()
        return graph.replay


def fastest_step(learner: ContrastiveLearner, eager: Step = training_step) -> Step:
    """A captured step on a GPU, if the method allows it; else ``eager``."""
    if learner.queue.keys.device.type != "cuda":
        return eager
    on_host = [*learner.method.on_host]
    if learner.processes.number > 1:
        on_host.append("processes wait for each other at each step")
    if learner.micro_batches > 1:
        on_host.append("micro-batches are encoded again at each step")
    if on_host:
        print(f"{learner.method.title} trains without a CUDA graph: {'; '.join(on_host)}", flush=True)
        return eager
    return CapturedStep(GraphRecorder(), eager)


class CapturedStep:
    """``training_step`` of one learner and optimizer, whose batches are all of one shape."""

    def __init__(self, recorder: Recorder, eager: Step = training_step):
        self.recorder = recorder
        self.eager = eager
        self.steps_done = 0
        self.batch: Batch | None = None  # of tensors that stay
        self.rate: Tensor | None = None
        self.loss: Tensor | None = None
        self.replay: Callable[[], None] | None = None

    def __call__(
        self, learner: ContrastiveLearner, optimizer: torch.optim.Optimizer, batch: Batch, progress: float = 0.0
    ) -> Tensor:
        """Move all networks and the queue by one batch; returns the loss, a scalar on the device, detached."""
        self._take_in(batch, optimizer.param_groups[0]["lr"])

        def work() -> None:
            with _rate_on_device(optimizer, self.rate):
                self.loss.copy_(self.eager(learner, optimizer, self.batch, progress=progress))

        self.steps_done += 1
        if self.steps_done <= WARM_UP_STEPS:
            self.recorder.warm_up(work)
            return self.loss.clone()
        if self.steps_done == WARM_UP_STEPS + 1:
            self.replay = self._recorded(work)
        (self.replay or work)()
        return self.loss.clone()

    def _take_in(self, batch: Batch, rate: float) -> None:
        """Put what is new in this step where the graph looks for it."""
        if self.batch is None:
            self.batch = Batch(
                torch.empty_like(batch.query_view, memory_format=torch.channels_last),
                torch.empty_like(batch.key_view, memory_format=torch.channels_last),
                torch.empty_like(batch.coarse),
                places=None if batch.places is None else torch.empty_like(batch.places),
            )
            self.rate, self.loss = batch.query_view.new_zeros(()), batch.query_view.new_zeros(())
        self.batch.query_view.copy_(batch.query_view)
        self.batch.key_view.copy_(batch.key_view)
        self.batch.coarse.copy_(batch.coarse)
        if self.batch.places is not None:
            self.batch.places.copy_(batch.places)
        self.rate.fill_(rate)

    def _recorded(self, work: Callable[[], None]) -> Callable[[], None] | None:
        """What replays the work; None, should it not be recordable."""
        try:
            return self.recorder.record(work)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            print(f"warning: the training step is no CUDA graph, and slower for it ({reason})", file=sys.stderr)
            return None


@contextmanager
def _rate_on_device(optimizer: torch.optim.Optimizer, rate: Tensor) -> Iterator[None]:
    """The learning rate as a tensor, which the fused update reads on the device; a number again behind the block."""
    before = [(group["lr"], group["fused"], group["foreach"]) for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"], group["fused"], group["foreach"] = rate, True, False
    try:
        yield
    finally:
        for group, (number, fused, foreach) in zip(optimizer.param_groups, before, strict=True):
            group["lr"], group["fused"], group["foreach"] = number, fused, foreach

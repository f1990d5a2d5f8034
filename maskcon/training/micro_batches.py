"""A batch through a network in parts, so that the activations of one part at a time are in memory.

    features, projection = encode_in_parts(network, view, parts=4)       # [B, F], [B, D] of the whole batch

Nothing is kept of a part but its output. The loss is computed on the outputs of the whole batch, as it is without
parts, and backward encodes each part once more before it takes the part's gradient: a third more work for about 1/parts
of the memory. A sum of losses of parts would be another loss wherever images of a batch are compared with each other
(SANE, WCL, mixup). What differs from the whole batch is batch norm, which sees a part at a time.

Source: Chen et al., Training Deep Nets with Sublinear Memory Cost, arXiv 1604.06174, 2016; torch.utils.checkpoint.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def encode_in_parts(network: nn.Module, view: Tensor, parts: int) -> tuple[Tensor, Tensor]:
    """``network(view)``, a pair, with the batch [B, ...] cut into so many equal parts; 1: at once."""
    if parts == 1:
        return network(view)

    def first_and_second() -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), statistics_stay(network)

    def encoded(part: Tensor) -> tuple[Tensor, Tensor]:
        if not torch.is_grad_enabled():
            return network(part)
        return checkpoint(network, part, use_reentrant=False, preserve_rng_state=False, context_fn=first_and_second)

    features, projections = zip(*map(encoded, view.chunk(parts)), strict=True)
    return torch.cat(features), torch.cat(projections)


@contextmanager
def statistics_stay(network: nn.Module) -> Iterator[None]:
    """Batch norm uses the batch's statistics inside, and does not follow them: running <- 1 running + 0 batch."""
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    before = [(layer.momentum, layer.num_batches_tracked) for layer in layers]
    for layer in layers:
        layer.momentum, layer.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for layer, (momentum, number) in zip(layers, before, strict=True):
            layer.momentum, layer.num_batches_tracked = momentum, number

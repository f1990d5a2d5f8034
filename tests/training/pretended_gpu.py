"""A GPU that is not there: tensors that know their shape and device but hold nothing.

    with pretended_gpu():
        learner = there(build_learner(...))          # on the CPU until then
        training_step(learner, ...)                  # raises HostWait where it would wait for the GPU

What needs a value (``item``, an ``if`` on a tensor, a mask as index, ``nonzero``) cannot be answered without waiting,
and is refused; so is a copy from the GPU, and one to it that is not told to be non_blocking. The backward pass needs a
GPU that is there: it only leaves gradients of the right shapes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode

GPU = torch.device("cuda", 0)


class HostWait(Exception):
    """The host would wait for the GPU."""


class _NoWaitingCopy(TorchDispatchMode):
    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if function is torch.ops.aten._to_copy.default and args[0].device != result.device:
            from_gpu = args[0].device.type == "cuda"
            if from_gpu or not (kwargs or {}).get("non_blocking"):
                raise HostWait(f"a copy {'from' if from_gpu else 'to'} the GPU")
        return result


def _leave_gradients(loss: Tensor) -> None:
    """A gradient in every leaf that the loss depends on."""
    found, waiting = set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in found:
            continue
        found.add(node)
        if hasattr(node, "variable"):
            node.variable.grad = torch.zeros_like(node.variable)
        waiting += [other for other, _ in node.next_functions]


@contextmanager
def pretended_gpu() -> Iterator[None]:
    try:
        with FakeTensorMode(), _NoWaitingCopy(), mock.patch.object(Tensor, "backward", _leave_gradients):
            yield
    except (DataDependentOutputException, DynamicOutputShapeException) as error:
        raise HostWait(str(error)) from error


def there(module: nn.Module) -> nn.Module:
    """The module with its parameters and buffers on the pretended GPU."""
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, tensor in tensors.items():
                if tensor is None:
                    continue
                moved = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=GPU)
                is_parameter = isinstance(tensor, nn.Parameter)
                tensors[name] = nn.Parameter(moved, tensor.requires_grad) if is_parameter else moved
    return module

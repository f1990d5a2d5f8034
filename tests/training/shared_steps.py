"""A few steps of every kind, by one process or by several that share each batch; each leaves what it has come to.

in_processes(2, folder)                        # folder/0.pt and folder/1.pt hold {case: steps(...)}

All at double precision. So what differs is no rounding, which in single precision moves an image to another cluster now
and then.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from maskcon.images.packed.image_stream import to_device
from maskcon.parameters.model import check_parameters
from maskcon.training.batches import TwoViewBatches
from maskcon.training.learner import build_learner
from maskcon.training.loop import fill_queue, renew_memory
from maskcon.training.processes import ALONE, Processes, SeveralProcesses, joined_processes
from maskcon.training.step import training_step
from maskcon.views.operations.families import view_maker
from tests.conftest import small_training_set, values_for_tests
from tests.support.joined_processes import run_joined

CPU = torch.device("cpu")
CASES = {  # the kinds of steps that there are
    "keys and queue": ("maskcon", {}),
    "features behind the keys": ("feature_maskcon", {}),
    "mixed images": ("sane", {}),
    "extra head and memory": ("bucsfr", {"loss.clusters": 4}),  # with as many as images, rounding would choose
    "no keys, nearest images": ("wcl", {"loss.mask_by_coarse": True, "loss.multi_crop": 1}),
    "weights without a gradient": ("coins", {"loss.w": 1.0}),
    "micro-batches": ("maskcon", {"train.accumulate": 2}),
}


def steps(case: str, processes: Processes = ALONE, number: int = 1) -> dict[str, Any]:
    """Losses, gradients and queue after each of some steps of a first and of a second epoch; all state at the end."""
    loss, changes = CASES[case]
    parameters = check_parameters(values_for_tests(changes | {"train.queue_size": 32}, loss))
    images = small_training_set()
    recipe, data = parameters.train, parameters.data
    view_of = [view_maker(data.augmentation, view, (16, 24)) for view in (recipe.query_view, recipe.key_view)]
    batches = TwoViewBatches(
        to_device(images.images, 1, CPU), torch.from_numpy(images.coarse), *view_of, 16, 1, processes=processes
    )
    learner = build_learner(parameters, 3, CPU, processes)
    optimizer = torch.optim.SGD(learner.trained_parameters(), lr=recipe.learning_rate, momentum=0.9)
    fill_queue(learner, batches)
    loss_of = processes.with_mean_gradients(learner, all_weights_used=learner.method.uses_keys)
    done = []
    for epoch in (1, 2):
        renew_memory(epoch, learner, batches)
        for _, batch in zip(range(number), batches.epoch(epoch), strict=False):
            loss = training_step(learner, optimizer, batch, 0.5, loss_of)
            gradients = {
                name: weight.grad.clone() for name, weight in learner.named_parameters() if weight.grad is not None
            }
            done.append({"loss": loss, "gradients": gradients, "keys": learner.queue.keys.clone()})
    memory = {} if learner.memory is None else dict(learner.memory.named_buffers())
    return {"steps": done, "state": learner.state_dict(), "memory": memory}


def views_and_keys(processes: Processes) -> dict[str, Any]:
    """What one step is made of: the joined views of each augmentation, and keys with shuffled batch norm."""
    images = torch.from_numpy(small_training_set().images[:32]).permute(0, 3, 1, 2).contiguous()
    found: dict[str, Any] = {}
    for family in ("characters", "small_colour", "photo"):
        view = view_maker(family, "strong", (16, 24))
        batches = TwoViewBatches(images, torch.arange(32), view, view, 16, 1, processes=processes)
        batch = list(batches.epoch(1))[1]
        nearest = [batch.view_of(torch.arange(8, 24), generator) for generator in [batch.generator("nearest")] * 2]
        found[family] = [processes.joined(part) for part in (batch.query_view, batch.key_view, *nearest)]
    learner = build_learner(check_parameters(values_for_tests()), 3, CPU, processes)
    view = torch.rand(16, 1, 16, 24, generator=torch.Generator())
    found["keys"] = learner.encode_key_view(processes.share_of(view))[0]
    return found


def in_processes(number: int, folder: Path) -> None:
    run_joined(number, _leave_all, folder)


@contextlib.contextmanager
def double_precision() -> Iterator[None]:
    """float() makes float64 inside, and so does all that makes numbers."""
    single = torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
        torch.Tensor.float = single


def _leave_all(folder: Path) -> None:
    with double_precision(), joined_processes("synchronised") as processes:
        found: dict[str, Any] = {case: steps(case, processes) for case in CASES}
        found["batch norm"] = batch_norm_of(processes)
        found["shuffled"] = views_and_keys(SeveralProcesses("shuffled"))
        torch.save(found, folder / f"{processes.rank}.pt")


def batch_norm_of(processes: Processes) -> dict[str, torch.Tensor]:
    """Output, gradients and statistics of a layer on a joined batch of an uneven distribution."""
    generator = torch.Generator().manual_seed(3)
    images = 5 + 2 * torch.randn(16, 3, 4, 5, generator=generator) * torch.arange(1, 17).view(-1, 1, 1, 1)
    wanted = torch.randn(images.shape, generator=generator)
    layer = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
    with torch.no_grad():
        layer[0].weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
    layer = processes.prepared(layer, CPU)
    mine = processes.share_of(images).requires_grad_()
    output = layer(mine)
    processes.joined(output).mul(wanted).sum().backward()  # gives N times the gradient of the network's output
    found = {"output": processes.joined(output.detach()), "images": processes.joined(mine.grad) / processes.number}
    found |= {name: buffer for name, buffer in layer.named_buffers()}
    found |= {
        name: processes.joined(weight.grad[None]).mean(dim=0) if processes.number > 1 else weight.grad
        for name, weight in layer.named_parameters()
    }
    layer.eval()
    return found | {"evaluated": processes.joined(layer(mine.detach()))}

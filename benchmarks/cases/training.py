"""Training: the parts of a step, whole steps, and whole iterations with their data."""

import copy
import itertools
import random
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks import published_recipe
from benchmarks.cases.learners import COARSE_CLASSES, RATE, Setting
from benchmarks.cases.views import difference_to_pillow
from benchmarks.contest import Case, Contest, NotMeasured
from maskcon.images.packed.image_stream import to_device
from maskcon.methods.parts.contrast import own_and_queue, soft_cross_entropy
from maskcon.methods.parts.interface import Keys, build_method
from maskcon.runtime.randomness import torch_generator
from maskcon.training.batches import TwoViewBatches
from maskcon.training.step import move_key_network, training_step
from maskcon.views.operations.autoaugment import CIFAR10_POLICY
from maskcon.views.operations.families import view_maker

RESNET18 = Setting("resnet18", side=32, queue=8192)
SMALL = Setting("small_conv", side=16, queue=1024)
ROUNDING = 1e-6  # relative, of float32 sums in another order
BFLOAT16 = 1e-3  # relative, of a loss whose networks calculate with 8 bits of mantissa
W, SOFT_TEMPERATURE, TEMPERATURE = 0.5, 0.05, 0.1


def needs_instructions_for(precision: str, device: str) -> None:
    """bfloat16 without instructions for it is emulated, many times slower: nobody would train so."""
    if precision == "bfloat16" and device == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise NotMeasured("not measured: this processor has no instructions for bfloat16")


# The momentum update


def momentum_against_published() -> Contest:
    query = RESNET18.learner("float32")[0].query_network
    theirs = partial(published_recipe.momentum_update, query_network=query, momentum=0.99)
    moved = copy.deepcopy(query)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch_generator(0, "moved")))
    first, second = copy.deepcopy(moved), copy.deepcopy(moved)

    def difference() -> float:
        mine, other = copy.deepcopy(moved), copy.deepcopy(moved)
        move_key_network(mine, query, 0.99)
        theirs(other)
        pairs = zip(mine.parameters(), other.parameters(), strict=True)
        return max(float((one - two).detach().abs().max()) for one, two in pairs)

    return Contest(lambda: move_key_network(first, query, 0.99), lambda: theirs(second), difference, ROUNDING)


# Targets and loss, forward and backward


def random_keys(setting: Setting, generator: torch.Generator, number: int, size: int = 256) -> Tensor:
    return nn.functional.normalize(torch.randn(number, size, generator=generator), dim=1).to(setting.device)


def head_against_published(setting: Setting = RESNET18) -> Contest:
    generator = torch_generator(0, "head")
    query = random_keys(setting, generator, setting.batch).requires_grad_()
    own, queue = (random_keys(setting, generator, number) for number in (setting.batch, setting.queue))
    coarse, queue_coarse = (
        torch.randint(COARSE_CLASSES, (number,), generator=generator).to(setting.device)
        for number in (setting.batch, setting.queue)
    )
    columns = queue.T.contiguous()
    loss = setting.parameters("float32").loss
    method = build_method(loss.model_copy(update={"w": W, "soft_temperature": SOFT_TEMPERATURE}))

    def ours() -> tuple[Tensor, Tensor]:
        target = method.target(Keys(own, queue, coarse, queue_coarse))
        value = soft_cross_entropy(own_and_queue(query, own, queue), target, TEMPERATURE)
        return value.detach(), torch.autograd.grad(value, query)[0]

    def peer() -> tuple[Tensor, Tensor]:
        target = published_recipe.soft_labels(own, columns, coarse, queue_coarse, SOFT_TEMPERATURE, W)
        value = published_recipe.contrast(query, own, columns, target, TEMPERATURE)
        return value.detach(), torch.autograd.grad(value, query)[0]

    def difference() -> float:
        (mine, my_gradient), (theirs, their_gradient) = ours(), peer()
        return max(
            float(abs(mine - theirs) / theirs),
            float((my_gradient - their_gradient).norm() / their_gradient.norm()) / 10,
        )

    return Contest(ours, peer, difference, ROUNDING)


# A step, on views made beforehand


def step_against_published(setting: Setting, precision: str) -> Contest:
    needs_instructions_for(precision, setting.device)
    batch = setting.batch_of_views()
    key_view, query_view = setting.standardised(batch.key_view), setting.standardised(batch.query_view)
    learner, optimizer = setting.learner(precision)
    trainer = setting.published()
    allowed = ROUNDING * 10 if precision == "float32" else BFLOAT16
    return Contest(
        lambda: training_step(learner, optimizer, batch),
        lambda: trainer.step(key_view, query_view, batch.coarse, RATE),
        lambda: setting.difference_of_first_losses(precision),
        allowed,
    )


# An iteration: data and step


def endless(batches) -> Iterator:
    """Epoch after epoch."""
    for epoch in itertools.count():
        yield from batches(epoch)


def iteration_against_published(setting: Setting, precision: str) -> Contest:
    needs_instructions_for(precision, setting.device)
    parameters = setting.parameters(precision)
    device = torch.device(setting.device)
    learner, optimizer = setting.learner(precision)
    ours_batches = TwoViewBatches(
        to_device(setting.pixels, 3, device),
        setting.coarse.to(device),
        view_maker("small_colour", "strong"),
        view_maker("small_colour", "weak"),
        setting.batch,
        seed=0,
    )
    trainer = setting.published()
    images = published_recipe.TwoViews(
        setting.pixels, setting.coarse.numpy(), CIFAR10_POLICY, parameters.data.mean, parameters.data.std
    )
    random.seed(0)
    loader = DataLoader(
        images,
        setting.batch,
        shuffle=True,
        drop_last=True,
        generator=torch_generator(0, "loader"),
    )
    ours_views, their_views = endless(ours_batches.epoch), endless(lambda epoch: loader)
    steps = setting.images // setting.batch

    def ours() -> None:
        """An epoch, as views are made for several steps at once."""
        for batch in itertools.islice(ours_views, steps):
            training_step(learner, optimizer, batch)

    def peer() -> None:
        for key_view, query_view, coarse in itertools.islice(their_views, steps):
            trainer.step(key_view.to(device), query_view.to(device), coarse.to(device), RATE)

    def difference() -> float:
        views = difference_to_pillow(setting.pixels[: setting.batch])
        return np.inf if views > 1 else setting.difference_of_first_losses(precision)

    return Contest(ours, peer, difference, ROUNDING * 10 if precision == "float32" else BFLOAT16)


HEAD = f"targets and loss, forward and backward, batch {RESNET18.batch}, queue {RESNET18.queue:,}, 256 dimensions"
STEP = f"a step of resnet18 on {RESNET18.batch} images of 32 x 32, queue {RESNET18.queue:,}"
ITERATION = f"{SMALL.images} images of 16 x 16 through views and steps of small_conv, batch {SMALL.batch}"
CASES = [
    Case(
        name="momentum_update",
        work="the momentum update of resnet18 with projector",
        peer="published recipe: one new tensor a parameter",
        prepare=momentum_against_published,
        wanted=2.5,
    ),
    Case(name="head", work=HEAD, peer="published recipe: a matrix a step", prepare=head_against_published, wanted=1.1),
    Case(
        name="resnet18_step_bfloat16",
        work=f"{STEP}, ours in bfloat16",
        peer="published recipe, float32",
        prepare=partial(step_against_published, RESNET18, "bfloat16"),
        wanted=2.0,
        rounds=7,
    ),
    Case(
        name="resnet18_step_float32",
        work=f"{STEP}, ours in float32",
        peer="published recipe, float32",
        prepare=partial(step_against_published, RESNET18, "float32"),
        rounds=7,
    ),
    *(
        Case(
            name=f"small_iteration_{precision}",
            work=f"{ITERATION}, ours in {precision}",
            peer="published recipe, float32",
            prepare=partial(iteration_against_published, SMALL, precision),
            wanted=4.0,
            rounds=9,
        )
        for precision in ("bfloat16", "float32")
    ),
]

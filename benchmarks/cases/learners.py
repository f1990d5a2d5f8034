"""Ours and the published trainer with the same weights, queue and views, which the cases of training start from."""

import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ruamel.yaml import YAML
from torch import Tensor, nn

from benchmarks import published_recipe
from benchmarks.photographs import photographs
from maskcon.parameters.model import Parameters, check_parameters
from maskcon.runtime.randomness import torch_generator
from maskcon.training.batches import Batch
from maskcon.training.learner import ContrastiveLearner, build_learner
from maskcon.training.step import training_step
from maskcon.views.operations.families import view_maker

COARSE_CLASSES = 20
RATE = 0.02
DIFFERENT = 4096  # pictures


@dataclass(frozen=True)
class Setting:
    """What is trained: CIFAR-like images of ``side`` pixels, MaskCon's loss, a backbone.

    Args:
        queue: K.
        loss: a preset of conf/loss.
    """

    backbone: str
    side: int
    queue: int
    batch: int = 128
    images: int = 1024
    loss: str = "maskcon"
    augmentation: str = "small_colour"
    device: str = "cpu"

    def parameters(self, precision: str) -> Parameters:
        """Of MaskCon's published setting, with these sizes."""
        return preset_parameters(
            {"data": "cifar100", "loss": self.loss, "model": self.backbone, "train": "paper"},
            {
                "data.height": self.side,
                "data.width": self.side,
                "data.augmentation": self.augmentation,
                "train.batch_size": self.batch,
                "train.queue_size": self.queue,
                "train.precision": precision,
            },
        )

    @cached_property
    def pixels(self) -> np.ndarray:
        """uint8 [images, side, side, 3]; of many images the same few thousand again and again."""
        different = photographs(min(self.images, DIFFERENT), self.side)
        return different[np.arange(self.images) % len(different)]

    @cached_property
    def coarse(self) -> Tensor:
        return torch.randint(COARSE_CLASSES, (self.images,), generator=torch_generator(0, "coarse"))

    def batch_of_views(self) -> Batch:
        """The first images in two views."""
        planes = torch.from_numpy(self.pixels[: self.batch]).permute(0, 3, 1, 2).contiguous().to(self.device)
        generator = torch_generator(0, "views")
        query, key = (view_maker(self.augmentation, name)(planes, generator, None) for name in ("strong", "weak"))
        return Batch(
            query, key, self.coarse[: self.batch].to(self.device), places=torch.arange(self.batch, device=self.device)
        )

    def learner(self, precision: str) -> tuple[ContrastiveLearner, torch.optim.Optimizer]:
        """Ours, with a queue of random keys of random classes."""
        learner = build_learner(self.parameters(precision), COARSE_CLASSES, torch.device(self.device))
        generator = torch_generator(0, "queue")
        keys = torch.randn(learner.queue.keys.shape, generator=generator)
        coarse = torch.randint(COARSE_CLASSES, (self.queue,), generator=generator)
        learner.queue.enqueue(nn.functional.normalize(keys, dim=1).to(self.device), coarse.to(self.device))
        optimizer = torch.optim.SGD(learner.trained_parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4)
        return learner, optimizer

    def published(self) -> published_recipe.Trainer:
        """The published trainer, from the same weights and queue as ``learner``."""
        learner, _ = self.learner("float32")
        parameters = self.parameters("float32")

        def network() -> published_recipe.Network:
            ours = copy.deepcopy(learner.query_network)
            return published_recipe.Network(ours.encoder.backbone, ours.projector, parameters.model.pooled)

        loss = parameters.loss
        return published_recipe.Trainer(
            network(),
            network(),
            learner.queue.keys,
            learner.queue.coarse,
            loss.temperature,
            loss.soft_temperature,
            loss.w,
        )

    def standardised(self, view: Tensor) -> Tensor:
        """A view as the published networks take it: standardised by the loader."""
        data = self.parameters("float32").data
        mean, std = (torch.tensor(values, device=view.device).view(3, 1, 1) for values in (data.mean, data.std))
        return (view - mean) / std

    def difference_of_first_losses(self, precision: str) -> float:
        """Relative, of one step of each on the same views."""
        batch = self.batch_of_views()
        ours = float(training_step(*self.learner(precision), batch))
        views = self.standardised(batch.key_view), self.standardised(batch.query_view)
        theirs = self.published().step(*views, batch.coarse, RATE)
        return abs(ours - theirs) / theirs


def preset_parameters(presets: dict[str, str], values: dict[str, Any]) -> Parameters:
    """params.yaml with presets of conf/ (group -> name) and values (dotted key -> value) in place of its own.

    Read here and not composed by Hydra, so that it works where only what training needs is installed.
    """
    top = Path(__file__).parents[2]
    read = YAML(typ="safe").load
    composed = read((top / "params.yaml").read_text())
    composed |= {group: read((top / "conf" / group / f"{name}.yaml").read_text()) for group, name in presets.items()}
    for key, value in values.items():
        group, name = key.split(".")
        composed[group][name] = value
    return check_parameters(composed)

"""A training small enough for a test: noisy pictures of three coarse classes, and the parameters of a preset."""

from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from maskcon.images.packed.image_set import TrainingSet
from maskcon.methods.parts.interface import Method, build_method
from maskcon.parameters.model import Parameters, check_parameters

TOP = Path(__file__).parents[2]
COARSE_CLASSES = 3


def small_parameters(method: str, **loss: Any) -> Parameters:
    """The preset conf/loss/METHOD.yaml with other values of ``loss``, for five epochs of six steps."""
    yaml = YAML(typ="safe")
    values = yaml.load((TOP / "params.yaml").read_text())
    values["loss"] = yaml.load((TOP / "conf/loss" / f"{method}.yaml").read_text()) | loss
    values["data"]["images"]["train"] = 96
    values["train"]["precision"] = "float32"  # as definitions are compared, on any processor
    values["model"] |= {"width": 4, "projector_hidden_size": 16, "projection_size": 8}
    values["train"] |= {"epochs": 5, "warmup_epochs": 1, "batch_size": 16, "queue_size": 40, "checkpoint_steps": 6}
    return check_parameters(values)


def small_method(method: str, **loss: Any) -> Method:
    """The method with the values of its preset, others in their place."""
    return build_method(small_parameters(method, **loss).loss)


def small_set() -> TrainingSet:
    """96 pictures, each one of six patterns under noise; patterns 0 and 1 are coarse class 0, and so on."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 256, (2 * COARSE_CLASSES, 16, 24, 1))
    fine = np.arange(96) % len(patterns)
    images = np.clip(patterns[fine] + random.normal(0, 30, (96, 16, 24, 1)), 0, 255).astype(np.uint8)
    return TrainingSet(images.repeat(3, axis=3), fine // 2, [f"class {c}" for c in range(COARSE_CLASSES)])

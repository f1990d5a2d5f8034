"""The lowest and the highest value that each number may have: a training with it ends, or is refused in a sentence.

Only the parameters of method, network and recipe: what a training computes with.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import annotated_types
import pytest
import torch
from pydantic.fields import FieldInfo

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters, check_parameters
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import train
from tests.methods.small_training import WatcherUntil
from tests.parameters.every_parameter import PLACES, Place

LARGEST = 10_000  # of whole numbers that are tried: larger ones would take all memory
ENDLESS = {"train.epochs", "train.checkpoint_steps", "train.checkpoint_seconds"}  # as long as one asks for
SMALL = {
    "model": {"width": 2, "projector_hidden_size": 6, "projection_size": 4},
    "train": {"epochs": 2, "warmup_epochs": 1, "batch_size": 40, "queue_size": 50, "precision": "float32"},
}


def extremes() -> Iterator[tuple[Place, float]]:
    for place in PLACES:
        if place.key.split(".")[0] in ("loss", "model", "train") and place.key not in ENDLESS:
            owner: Any = check_parameters(place.values)
            *groups, name = place.key.split(".")
            for group in groups:
                owner = getattr(owner, group)
            value = getattr(owner, name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                for end in ends(type(owner).model_fields[name]):
                    if isinstance(value, float) or end <= LARGEST:
                        yield place, type(value)(end)


def ends(field: FieldInfo) -> list[float]:
    """The least and the greatest value that a field allows."""
    rules = [*field.metadata, *(rule for kind in get_args(field.annotation) for rule in metadata_of(kind))]
    found = []
    for rule in rules:
        match rule:
            case annotated_types.Ge(ge):
                found.append(ge)
            case annotated_types.Gt(gt):
                found.append(gt + 1e-30)
            case annotated_types.Le(le):
                found.append(le)
            case annotated_types.Lt(lt):
                found.append(lt - 1e-9)
    assert len(found) == 2, f"{field} has no two ends"
    return found


def metadata_of(kind: Any) -> list[Any]:
    """The rules of one side of a union, such as Share in ``Share | None``."""
    rules = []
    for rule in getattr(kind, "__metadata__", ()):
        rules += rule.metadata if isinstance(rule, FieldInfo) else [rule]
    return rules


EXTREMES = list(extremes())


@pytest.mark.parametrize(("place", "value"), EXTREMES, ids=[f"{place.key}={value:g}" for place, value in EXTREMES])
def test_a_training_ends_or_is_refused(tmp_path, tiny_set, place, value):
    values = copy.deepcopy(dict(place.values))
    for group, small in SMALL.items():
        values[group] |= small
    if "warmup_epochs" in values["loss"]:
        values["loss"] |= {"warmup_epochs": 1, "clusters": 3}
    said = ""
    try:
        parameters: Parameters = check_parameters(Place(values, place.key).with_value(value))
        if parameters.train.batch_size > len(tiny_set.images):  # as the stage says
            raise UserError("train.batch_size is more than the images")
        trained = train(tiny_set, parameters, torch.device("cpu"), Checkpoints(Path(tmp_path)), WatcherUntil(None))
        assert len(trained.curve) == parameters.train.epochs
    except UserError as error:
        said = str(error)
    assert "\n" not in said

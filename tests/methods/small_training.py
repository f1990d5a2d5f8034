"""The values of a method's preset, for a training small enough for a test."""

from typing import Any

from maskcon.methods.parts.interface import Method, build_method
from maskcon.parameters.model import Parameters, check_parameters
from tests.conftest import values_for_tests

COARSE_CLASSES = 3
SMALL = {"model.projector_hidden_size": 16, "train.queue_size": 40}


def small_parameters(method: str, **loss: Any) -> Parameters:
    """The preset conf/loss/METHOD.yaml with other values of ``loss``."""
    return check_parameters(values_for_tests(SMALL | {f"loss.{name}": value for name, value in loss.items()}, method))


def small_method(method: str, **loss: Any) -> Method:
    """The method with the values of its preset, others in their place."""
    return build_method(small_parameters(method, **loss).loss)

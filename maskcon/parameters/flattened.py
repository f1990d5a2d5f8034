"""Nested values by dotted keys.

flattened({"loss": {"w": 1.0}})         # {"loss.w": 1.0}
flat_texts(parameters)                  # {"loss.w": "1.0", ...}, as runs are recorded
"""

import json
from collections.abc import Mapping
from typing import Any

from maskcon.parameters.model import Parameters


def flattened(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Lists are values."""
    flat = {}
    for key, value in values.items():
        name = f"{above}{key}"
        flat |= flattened(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def flat_texts(parameters: Parameters) -> dict[str, str]:
    """As params.yaml writes them: loss.w -> 1.0, model.input_size -> null."""
    values = flattened(parameters.model_dump(mode="json"))
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}

"""The sentences in which values are refused: key=value, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from maskcon.parameters.sentences import show, suggestion, written


def as_sentence(problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    """One problem that pydantic found in values of ``model``."""
    key = ".".join(map(str, problem["loc"]))
    value = written(problem["input"])
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            return f"Unknown parameter {show(key)}. {_keys_beside(problem['loc'], model)}"
        case "missing":
            return f"{key} is missing in params.yaml; compose it again: make params"
        case "value_error":
            text = problem["msg"].removeprefix("Value error, ")
            return f"{key}.{text}" if key else text
        case "string_pattern_mismatch":
            allowed = "a name of letters, digits and _.- that begins with a letter or digit"
        case "too_short":
            allowed = f"a list of at least {context['min_length']} values"
        case "too_long":
            allowed = f"a list of at most {context['max_length']} values"
        case "model_type" | "model_attributes_type":
            allowed = "a group of named values, as the presets in conf/ have them"
        case _:
            allowed = problem["msg"].removeprefix("Input should be ")
    return f"{show(key) or 'params.yaml'}={value} is not allowed: it should be {allowed}"


def _keys_beside(location: Sequence[str | int], model: type[BaseModel]) -> str:
    """What may stand where an unknown key was found, and which of them was probably meant."""
    *above, name = map(str, location)
    for part in above:
        annotation = model.model_fields[part].annotation
        members = get_args(annotation) or (annotation,)
        model = next(one for one in members if isinstance(one, type) and issubclass(one, BaseModel))
    return suggestion(name, list(model.model_fields), "".join(f"{part}." for part in above))

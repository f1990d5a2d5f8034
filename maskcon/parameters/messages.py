"""The sentences in which values are refused: key=value, and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel

from maskcon.parameters.plugins import suggestion

LONGEST = 120  # characters of a value in a message


def as_sentence(problem: dict[str, Any], model: type[BaseModel]) -> str:
    """One problem that pydantic found in values of ``model``."""
    key = ".".join(map(str, problem["loc"]))
    value = written(problem["input"])
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            return f"Unknown parameter {_fit_for_a_line(key)}. {_keys_beside(problem['loc'], model)}"
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
    return f"{_fit_for_a_line(key) or 'params.yaml'}={value} is not allowed: it should be {allowed}"


def written(value: Any) -> str:
    """As YAML has it: null, true, "text"; a value that is too long is shortened."""
    try:
        return _fit_for_a_line(json.dumps(value, ensure_ascii=False, default=str))
    except (TypeError, ValueError, RecursionError):  # odd keys, thousands of digits or brackets
        return f"({type(value).__name__})"


def _fit_for_a_line(text: str) -> str:
    """Shortened in the middle, and escaped where a terminal would do more than show it."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}...{text[-LONGEST // 4 :]} ({len(text):,} characters)"
    return text if text.isprintable() else ascii(text)[1:-1]


def _keys_beside(location: Sequence[str | int], model: type[BaseModel]) -> str:
    """What may stand where an unknown key was found, and which of them was probably meant."""
    *above, name = map(str, location)
    for part in above:
        annotation = model.model_fields[part].annotation
        members = get_args(annotation) or (annotation,)
        model = next(one for one in members if isinstance(one, type) and issubclass(one, BaseModel))
    return suggestion(".".join([*above, name])[:LONGEST], [".".join([*above, field]) for field in model.model_fields])

"""The command that makes a run again: the shortest list of -S overrides from which conf/ gives its parameters.

commands("0123abc", parameters.model_dump(), Path("conf"))
# ['git checkout 0123abc', 'pip install --require-hashes -r requirements.lock', 'dvc exp run -S loss.w=0.8']
"""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

GROUPS = ("data", "loss", "model", "train")
RECIPE = "recipe"
SIBLING = re.compile(r"\$\{\.(\w+)\}")  # in a preset: another value of it


def commands(commit: str, parameters: Mapping[str, Any], conf: Path) -> list[str]:
    """Lines for a shell, from the checkout of the code to the run."""
    changes = [f"-S {shlex.quote(one)}" for one in overrides(parameters, conf)]
    return [
        f"git checkout {commit}",
        "pip install --require-hashes -r requirements.lock",
        " ".join(["dvc exp run", *changes]) if changes else "dvc repro",
    ]


def overrides(parameters: Mapping[str, Any], conf: Path) -> list[str]:
    """What to change in the composition of ``conf`` to get ``parameters``.

    For each group the preset that differs least is named; what still differs is named value by value.
    """
    base = _read(conf / "config.yaml")
    defaults = _preset_names(base.pop("defaults"))
    chosen = []
    recipe = parameters[RECIPE]
    values = {}
    if (conf / RECIPE / f"{recipe}.yaml").is_file():
        if recipe != defaults.get(RECIPE):
            chosen.append(f"{RECIPE}={recipe}")
        values = _read(conf / RECIPE / f"{recipe}.yaml")
        defaults |= _preset_names(values.pop("defaults", []))

    composed = _leaves(base)
    for group in GROUPS:
        name, preset = _nearest_preset(conf / group, group, parameters[group], preferred=defaults.get(group, ""))
        if name != defaults.get(group):
            chosen.append(f"{group}={name}")
        composed |= preset
    composed |= _leaves({"loss": _of_loss_on_data(conf, parameters) if defaults.get("loss_on", True) else {}})
    composed |= _leaves(values)

    wanted = _leaves(parameters)
    changed = [
        f"{key}={_written(value)}" for key, value in wanted.items() if key in composed and composed[key] != value
    ]
    added = [f"+{key}={_written(value)}" for key, value in wanted.items() if key not in composed]
    removed = [f"~{key}" for key in composed if key not in wanted]
    return chosen + changed + added + removed


def _of_loss_on_data(conf: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the data set needs of the method, if anything."""
    file = conf / "loss_on" / parameters["data"]["name"] / f"{parameters['loss']['name']}.yaml"
    return _read(file) if file.is_file() else {}


def _nearest_preset(folder: Path, group: str, values: Mapping[str, Any], preferred: str) -> tuple[str, dict[str, Any]]:
    """The preset that shares most values, as its name and its values by dotted key; in a tie the preferred one."""
    wanted = _leaves({group: values})

    def differences(name: str) -> tuple[int, bool]:
        preset = presets[name]
        unlike = sum(preset.get(key) != wanted.get(key) for key in preset.keys() | wanted.keys())
        return unlike, name != preferred

    presets = {file.stem: _leaves({group: _resolved(_read(file), values)}) for file in sorted(folder.glob("*.yaml"))}
    nearest = min(presets, key=differences)
    return nearest, presets[nearest]


def _read(file: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(file.read_text()) or {}


def _resolved(preset: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """With ${.name} replaced as Hydra would in a composition that gives ``values``."""

    def value_of(match: re.Match) -> str:
        return str(values.get(match[1], match[0]))

    return {key: SIBLING.sub(value_of, value) if isinstance(value, str) else value for key, value in preset.items()}


def _preset_names(defaults: list[Any]) -> dict[str, str]:
    """{"data": "two_digits", ...} from a Hydra defaults list."""
    named = [item for item in defaults if isinstance(item, dict)]
    return {key.removeprefix("override ").lstrip("/"): name for item in named for key, name in item.items()}


def _leaves(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by dotted key; lists are values."""
    leaves = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            leaves |= _leaves(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def _written(value: Any) -> str:
    """A value as Hydra reads it; JSON is nearly that, but plain words need no quotes."""
    if isinstance(value, str) and value.replace("_", "").replace("-", "").replace("/", "").isalnum():
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

"""The command that makes a run again: what differs from the composition of conf/, as -S overrides.

commands("0123abc", parameters, Path("conf"))
# ['git checkout 0123abc', 'pip install --require-hashes -r requirements.lock', 'dvc exp run -S loss.w=0.8']
"""

import json
import shlex
from pathlib import Path

from ruamel.yaml import YAML

from maskcon.parameters.composition import compose, quoted_where_needed
from maskcon.parameters.flattened import flattened
from maskcon.parameters.model import Parameters


def commands(commit: str, parameters: Parameters, conf: Path) -> list[str]:
    """Lines for a shell, from the checkout of the code to the run."""
    changes = [f"-S {shlex.quote(one)}" for one in overrides(parameters, conf)]
    return [
        f"git checkout {commit}",
        "pip install --require-hashes -r requirements.lock",
        " ".join(["dvc exp run", *changes]) if changes else "dvc repro",
    ]


def overrides(parameters: Parameters, conf: Path) -> list[str]:
    """The presets that have the names of the run's parts, then each value that is still another."""
    named = {"recipe": parameters.recipe, "data": parameters.data.name, "loss": parameters.loss.name}
    backbone = parameters.model.backbone
    named["model"] = backbone if (conf / "model" / f"{backbone}.yaml").is_file() else parameters.model.name
    chosen: list[str] = []
    for group, name in named.items():
        composed = _composed(conf, chosen)
        now = composed["model.backbone"] if name == backbone else composed.get(f"{group}.name", composed.get(group))
        if name != now and (conf / group / f"{name}.yaml").is_file():
            chosen.append(f"{group}={name}")
    composed = _composed(conf, chosen)
    wanted = flattened(parameters.model_dump(mode="json"))
    changed = [
        quoted_where_needed(f"{'' if key in composed else '+'}{key}={_written(value)}")
        for key, value in wanted.items()
        if composed.get(key) != value
    ]
    return chosen + changed + [f"~{key}" for key in composed if key not in wanted]


def _composed(conf: Path, choices: list[str]) -> dict[str, object]:
    return flattened(YAML(typ="safe").load(compose(conf, choices)))


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

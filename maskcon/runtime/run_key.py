"""Which run this is: a hash of everything that goes into it, and of nothing that comes out.

    hash_of_inputs(checkout=Path("."), parameters=parameters)

Equal in the main checkout, in the temporary folder of an experiment and in a fresh clone, before the first stage
runs and after the last. Outputs cannot serve: some differ in a second run of the same inputs (timings).
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters

RECORD = "track"  # the stage, and the parameter group, that say how a run is recorded, not what it is
NO_PART_OF_A_RUN: dict[str, Any] = {RECORD: True, "train": {"processes"}}  # nor is how many processes did the work
OUTPUTS = ("outs", "metrics", "plots")
OF_AN_EDITOR = re.compile(r"\.#.*|#.*#|\..*\.sw.")  # its lock, its unsaved text
TEMPLATE = re.compile(r"\$\{([\w.]+)\}")


def hash_of_inputs(checkout: Path, parameters: Parameters, digest_of: Callable[[Path], str] | None = None) -> str:
    """SHA-256, as 64 hex digits, over

    - every parameter but the group track and train.processes,
    - the command, parameter names and dependencies of every stage of dvc.yaml but track,
    - the contents of those dependencies that no stage makes (code, tables of coarse labels).

    ``digest_of`` takes the place of ``digest_of_path`` where many hashes of the same files are wanted and it remembers.

    Raises:
        UserError: dvc.yaml cannot be read, or such a dependency is missing.
    """
    values = parameters.model_dump(mode="json", exclude=NO_PART_OF_A_RUN)
    return _digest({"parameters": values, "stages": listed_by_stages(checkout, values, digest_of or digest_of_path)})


def hash_of_training(
    checkout: Path,
    parameters: Parameters,
    stage: str = "pretrain",
    digest_of: Callable[[Path], str] | None = None,
) -> str:
    """The same over ``stage`` and the stages before it alone: equal as long as the training would be."""
    values = parameters.model_dump(mode="json", exclude=NO_PART_OF_A_RUN)
    stages = listed_by_stages(checkout, values, digest_of or digest_of_path)
    needed = _with_stages_before(stage, stages)
    read = {name: value_at(values, name) for one in needed for name in stages[one]["params"]}
    return _digest({"parameters": read, "stages": {name: stages[name] for name in needed}})


def hash_of_work(checkout: Path, parameters: Parameters, stage: str = "pretrain") -> str:
    """The same but for the source images, which take seconds to read: for work known by its packed images too."""
    raw = checkout / parameters.data.raw
    return hash_of_training(checkout, parameters, stage, lambda path: "" if path == raw else digest_of_path(path))


def run_name(parameters: Parameters) -> str:
    """Method, seed, values: maskcon seed 1 w=1 T=0.1. A list that cuts names cuts the values, which have columns."""
    loss = parameters.loss
    values = {"w": getattr(loss, "w", None), "T": getattr(loss, "soft_temperature", None)}
    shown = [f"{letter}={value:g}" for letter, value in values.items() if value is not None]
    return " ".join([loss.name, f"seed {parameters.seed}", *shown])


def listed_by_stages(
    checkout: Path, values: Mapping[str, Any], digest_of: Callable[[Path], str] = str
) -> dict[str, dict[str, Any]]:
    """Each stage but track, of a matrix one for each value, as measure@knn: what dvc.yaml lists for it.

    That is its cmd, params (dotted names), deps (path -> digest, or None where a stage makes it) and outs. Raises:
    UserError.
    """
    path = checkout / "dvc.yaml"
    try:
        written = YAML(typ="safe").load(path.read_text())["stages"]
        stages = dict(one for name, stage in written.items() if name != RECORD for one in _runs(name, stage, values))
        outs = [out for stage in stages.values() for key in OUTPUTS for out in _paths(stage.get(key))]
        return {
            name: {
                "cmd": stage["cmd"],
                "params": _paths(stage.get("params")),
                "deps": {
                    dep: None if any(_overlap(dep, out) for out in outs) else digest_of(checkout / dep)
                    for dep in _paths(stage.get("deps"))
                },
                "outs": [out for key in OUTPUTS for out in _paths(stage.get(key))],
            }
            for name, stage in stages.items()
        }
    except (OSError, YAMLError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read ({type(error).__name__}: {reason}); restore it with git") from None


def _runs(name: str, stage: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The stage, or where it has ``matrix: {key: "${list}"}`` a stage for each value of the list: measure@knn."""
    if "matrix" not in stage:
        yield name, _filled_in(stage, values)
        return
    [(key, listed)] = stage["matrix"].items()
    for item in value_at(values, TEMPLATE.fullmatch(listed)[1]):
        yield f"{name}@{item}", _filled_in(stage, {**values, "item": {key: item}})


def _filled_in(part: Any, values: Mapping[str, Any]) -> Any:
    """``part`` of dvc.yaml with every ${data.name} replaced by the parameter's value."""
    if isinstance(part, str):
        return TEMPLATE.sub(lambda match: str(value_at(values, match[1])), part)
    if isinstance(part, Mapping):
        return {_filled_in(key, values): _filled_in(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled_in(one, values) for one in part]
    return part


def value_at(values: Mapping[str, Any], name: str) -> Any:
    """Of {"loss": {"w": 1.0}} the value called loss.w; None where there is none."""
    for part in name.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _paths(entries: list[str | Mapping[str, Any]] | None) -> list[str]:
    """The names in a list of dvc.yaml, whose entries are ``path`` or ``path: {options}``."""
    return [name for entry in entries or [] for name in ([entry] if isinstance(entry, str) else entry)]


def _overlap(dep: str, out: str) -> bool:
    """True where one is the other or lies in it."""
    one, other = PurePosixPath(dep), PurePosixPath(out)
    return one.is_relative_to(other) or other.is_relative_to(one)


def _with_stages_before(last: str, stages: Mapping[str, Mapping[str, Any]]) -> list[str]:
    needed, found = [], [last]
    while found:
        name = found.pop()
        needed.append(name)
        makers = [
            other
            for other, stage in stages.items()
            if any(_overlap(dep, out) for dep in stages[name]["deps"] for out in stage["outs"])
        ]
        found += [maker for maker in makers if maker not in needed + found]
    return sorted(needed)


def files_of(path: Path) -> list[Path]:
    """The file itself, or all files of a folder but what .dvcignore names: of Python's compiler and of open editors."""
    if not path.is_dir():
        return [path]
    files = [file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    return [file for file in files if not OF_AN_EDITOR.fullmatch(file.name)]


def digest_of_path(path: Path) -> str:
    """Of a file's bytes, or of the names and bytes of all files of a folder."""
    if path.is_dir():
        return _digest({file.relative_to(path).as_posix(): digest_of_path(file) for file in files_of(path)})
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"{path}, which dvc.yaml names as a dependency, cannot be read ({error.strerror}); restore it with git"
        ) from None


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()

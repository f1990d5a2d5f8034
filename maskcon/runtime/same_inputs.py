"""What a stage began with, held against what lies there when it ends.

DVC takes the hashes of parameters and dependencies after a stage has run. What is changed while it runs (an edit,
``make params``, ``git checkout``) would be recorded as if it had made the result.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from maskcon.parameters.errors import UserError
from maskcon.runtime.run_key import RECORD, files_of, listed_by_stages, value_at

READ_WHOLE = {".py", ".yaml", ".csv", ".typ", ".js", ".css", ".html"}  # of other files, size and time will do


@cache
def require_unchanged_inputs(stage: str | None, checkout: Path) -> Callable[[], None]:
    """Take the inputs of ``stage`` as they are now, once in a process: later calls return the same function.

    Args:
        stage: as DVC calls it (DVC_STAGE); None: run by hand, where nothing is recorded.

    Returns:
        A function that raises UserError where they are no longer the same.
    """
    if stage is None or stage == RECORD:
        return lambda: None
    before = inputs_of(stage, checkout)

    def require() -> None:
        after = inputs_of(stage, checkout)
        changed = [name for name in before | after if before.get(name) != after.get(name)]
        if changed:
            raise UserError(
                f"{shown(changed)} changed while stage {stage} ran, so its result is not recorded. Put it back and run "
                "the same command again, which goes on from what was done; or run it with the new values"
            )

    return require


def inputs_of(stage: str, checkout: Path) -> dict[str, str]:
    """The parameters and files that dvc.yaml names for a stage, each with what it held."""
    values = parameters_in(checkout)
    listed = listed_by_stages(checkout, values).get(stage)
    if listed is None:  # a measure that params.yaml no longer asks for
        return {}
    files = {file for path in listed["deps"] for file in files_of(checkout / path)}
    return {name: repr(value_at(values, name)) for name in listed["params"]} | {
        file.relative_to(checkout).as_posix() if file.is_relative_to(checkout) else str(file): mark_of(file)
        for file in files
    }


def require_one_set_of_inputs(checkout: Path) -> None:
    """Nothing has changed between the first stage and the last: what dvc.lock says they ran with lies there still.

    Raises: UserError.
    """
    try:
        stages = YAML(typ="safe").load((checkout / "dvc.lock").read_text())["stages"]
    except (OSError, KeyError, TypeError):
        return  # the stages were run by hand
    values = parameters_in(checkout)
    changed: list[str] = []
    for name, listed in listed_by_stages(checkout, values).items():  # dvc.lock keeps stages of earlier runs besides
        locked = stages.get(name, {})
        then = locked.get("params", {}).get("params.yaml", {})
        changed += [key for key in listed["params"] if key in then and value_at(values, key) != then[key]]
        digests = {dep["path"]: dep.get("md5") for dep in locked.get("deps", [])}
        sources = [path for path, digest in listed["deps"].items() if digest is not None]
        changed += [path for path in sources if path in digests and md5(checkout / path) != digests[path]]
    if changed:
        raise UserError(
            f"{shown(changed)} changed since the stages before ran, so their result is not recorded under the new "
            "values. Run the same command again: it makes what they need"
        )


def md5(path: Path) -> str | None:
    """As DVC has it in dvc.lock: of a file's bytes, or of the list of a folder's files; None where there is neither."""
    if not path.exists():
        return None
    if not path.is_dir():
        return hashlib.md5(path.read_bytes()).hexdigest()
    listed = [{"md5": md5(file), "relpath": file.relative_to(path).as_posix()} for file in files_of(path)]
    text = json.dumps(sorted(listed, key=lambda entry: entry["relpath"]), sort_keys=True)
    return hashlib.md5(text.encode()).hexdigest() + ".dir"


def parameters_in(checkout: Path) -> Mapping[str, Any]:
    return YAML(typ="safe").load((checkout / "params.yaml").read_text(encoding="utf-8"))


def mark_of(file: Path) -> str:
    try:
        if file.suffix in READ_WHOLE:
            return hashlib.sha256(file.read_bytes()).hexdigest()
        state = os.stat(file)
    except OSError:
        return "missing"
    return f"{state.st_size} {state.st_mtime_ns}"


def shown(changed: list[str]) -> str:
    first = ", ".join(dict.fromkeys(changed[:3]))
    return f"{first} and {len(changed) - 3} more" if len(changed) > 3 else first

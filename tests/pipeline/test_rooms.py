"""The rooms of maskcon/: each imports only those above it, and a stage lists in dvc.yaml all that it stands on."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from maskcon.parameters.train import TrainParameters

ROOMS = (
    *("parameters", "runtime", "images", "views", "encoders", "methods", "training", "embedding", "evaluation"),
    *("figures", "report", "tracking", "experiments", "explore", "commands"),
)
# Folders of files that are chosen by name; what they share lies in a folder beside them.
PLUG_INS = (
    "maskcon/images/sources",
    "maskcon/views",
    "maskcon/encoders/backbones",
    "maskcon/methods",
    "maskcon/evaluation/measures",
)
REPOSITORY = Path(__file__).resolve().parents[2]
FILES = sorted((REPOSITORY / "maskcon").glob("*/**/*.py"))
STAGES = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text())["stages"]


def imported(file: Path) -> Iterator[Path]:
    """The files of maskcon/ that a file imports, at any depth of it."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{name}" for name in names)]
        for path in (REPOSITORY.joinpath(*name.split(".")) for name in names if name.startswith("maskcon.")):
            yield from filter(Path.exists, (path.with_suffix(".py"), path / "__init__.py"))


def room(file: Path) -> int:
    name = file.relative_to(REPOSITORY / "maskcon").parts[0]
    return ROOMS.index("commands" if name == "__main__.py" else name)


def is_plug_in(file: Path) -> bool:
    return str(file.parent.relative_to(REPOSITORY)) in PLUG_INS and file.name != "__init__.py"


def test_maskcon_holds_rooms_and_nothing_else():
    entries = {path.name for path in (REPOSITORY / "maskcon").iterdir()} - {"__pycache__"}
    assert entries == {*ROOMS, "__init__.py", "__main__.py"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_a_room_imports_only_rooms_above_it_and_a_plug_in_no_plug_in(file):
    for other in imported(file):
        assert room(other) <= room(file), f"{other} stands below"
        assert not (is_plug_in(file) and is_plug_in(other)), f"{other} is a plug-in too"


def matching(dependency: str) -> Iterator[Path]:
    """The files of code that a dependency in dvc.yaml names; where a value chooses the file, all it may be."""
    for path in REPOSITORY.glob(re.sub(r"\$\{.*?\}", "*", dependency)):
        yield from path.rglob("*.py") if path.is_dir() else (path,)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_what_it_imports(stage):
    """All but maskcon/parameters, which no stage lists: values are tracked by ``params:``."""
    code = [one for one in STAGES[stage]["deps"] if one.startswith(("maskcon/", "stages/"))]
    listed = {file for dependency in code for file in matching(dependency)}
    found: set[Path] = set()
    new = {file for file in listed if is_plug_in(file) or file.parent.name == "stages"}
    while new:
        found |= new
        new = {other for file in new for other in imported(file) if ROOMS[room(other)] != "parameters"} - found
    assert f"stages/{stage}.py" in code
    assert {file for file in found if file.name != "__init__.py"} <= listed
    assert not [one for one in code if one.startswith("maskcon/parameters")]


def test_training_is_run_again_for_all_its_values_but_two():
    listed = {name for name in STAGES["pretrain"]["params"] if name.startswith("train.")}
    assert listed == {f"train.{name}" for name in TrainParameters.model_fields.keys() - {"processes", "stored_views"}}

"""The drawing of the pipeline, on the project's own dvc.yaml."""

import re

import pytest
from ruamel.yaml import YAML

from maskcon.commands.dag import drawing
from maskcon.parameters.errors import UserError


def test_every_stage_stands_below_those_it_waits_for_and_all_fits_a_terminal(repository):
    lines = drawing(repository).splitlines()
    assert max(map(len, lines)) <= 60
    place = {name: row for row, line in enumerate(lines) for name in re.findall(r"\| (\w+) \|", line)}
    stages = YAML(typ="safe").load((repository / "dvc.yaml").read_text())["stages"]
    assert set(place) == set(stages)

    made_by = {_path(out): name for name, stage in stages.items() for out in _outputs(stage)}
    edges = [
        (name, maker)
        for name, stage in stages.items()
        for needed in map(str, stage["deps"])
        for out, maker in made_by.items()
        if maker != name and (needed == out or needed.startswith(f"{out}/") or out.startswith(f"{needed}/"))
    ]
    assert len(set(edges)) > 15  # far more than are drawn
    assert all(place[stage] > place[maker] for stage, maker in edges)


def _outputs(stage: dict) -> list:
    return [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]


def _path(out: str | dict) -> str:
    return out if isinstance(out, str) else next(iter(out))


def test_elsewhere_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"DVC cannot read a pipeline here .* from the top of the checkout"):
        drawing(tmp_path)

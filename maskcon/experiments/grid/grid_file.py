"""Files of grids/: which methods, with which values, on which image sets and seeds.

    grid = read_grid(Path("grids/cifartoy.yaml"))

    settings: [recipe=default]            # of every run, as -S takes them
    datasets:
      digits:
        settings: [data=digits]
        seeds: [1, 2, 3]                  # of the runs that are scored on the test part
    choose:                               # values are chosen on the validation part, by one run of each
      metric: recall_at_1
      seed: 0                             # not one of the seeds above
    methods:                              # the same number of values for each
      maskcon:
        values: [{w: 1.0, soft_temperature: 0.1}, {w: 0.8, soft_temperature: 0.1}]
      grafit:
        values: [{w: 0.5}, {w: 0.8}]

Without ``choose`` every value is run on every seed and scored on the test part. A data set with ``values_of: NAME``
takes over the values that were chosen on another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from maskcon.parameters.errors import UserError
from maskcon.parameters.messages import as_sentence
from maskcon.parameters.plugins import METHODS
from maskcon.parameters.sentences import written
from maskcon.parameters.values import Group, Name

Setting = Annotated[str, StringConstraints(pattern=r"^[+~]{0,2}[A-Za-z_][\w.]*=.*$")]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Values = dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*$")], Any]
OF_THE_GRID = ("seed", "evaluate.split", "loss")  # what a grid varies itself


def _differ(several: list[Any]) -> list[Any]:
    if len({json.dumps(one) for one in several}) < len(several):
        raise ValueError(f"{written(several)} names the same twice; leave one out")
    return several


class Described(Group):
    """What has settings of its own."""

    settings: list[Setting] = Field(default_factory=list)

    @field_validator("settings")
    @classmethod
    def leave_to_the_grid_what_it_varies(cls, settings: list[str]) -> list[str]:
        for setting in settings:
            key = setting.lstrip("+~").split("=")[0]
            if key in OF_THE_GRID:
                raise ValueError(f"{setting} is for the grid to set (by seeds, choose and methods); leave it out")
        return settings


class GridDataSet(Described):
    """An image set, with the seeds whose runs are scored on its test part."""

    seeds: Annotated[list[Seed], Field(min_length=1), AfterValidator(_differ)]
    values_of: Name | None = None  # the data set on which values are chosen; by default this one


class GridMethod(Described):
    """A method, with the values that are tried: each a group of the method's own parameters."""

    loss: Name | None = None  # the preset of conf/loss; by default the method's name in the grid
    values: Annotated[list[Values], Field(min_length=1), AfterValidator(_differ)]


class Choose(Group):
    """How values are chosen: the highest ``metric`` of one run each on the validation part."""

    metric: Name
    seed: Seed


class Grid(Described):
    """Data sets x methods x values x seeds."""

    name: Name
    datasets: Annotated[dict[Name, GridDataSet], Field(min_length=1)]
    methods: Annotated[dict[Name, GridMethod], Field(min_length=1)]
    choose: Choose | None = None

    def chosen_on(self, dataset: str) -> str:
        """The data set whose validation part decides which values ``dataset`` is scored with."""
        return self.datasets[dataset].values_of or dataset

    @model_validator(mode="after")
    def is_fair(self) -> Grid:
        for name, method in self.methods.items():
            preset = method.loss or name
            if preset not in METHODS:
                raise ValueError(f"methods.{name}: there is no loss={preset}; there are {', '.join(METHODS)}")
        for name, dataset in self.datasets.items():
            source = dataset.values_of
            if source is not None and (source not in self.datasets or self.datasets[source].values_of is not None):
                own = [other for other, one in self.datasets.items() if one.values_of is None]
                raise ValueError(
                    f"datasets.{name}.values_of={source} is not a data set of this grid that values are chosen on; "
                    f"there are {', '.join(own) or 'none'}"
                )
        if self.choose is not None:
            self._chooses_fairly(self.choose)
        elif any(dataset.values_of for dataset in self.datasets.values()):
            raise ValueError(
                "values_of needs choose, for without it every value is scored; add choose, or leave it out"
            )
        return self

    def _chooses_fairly(self, choose: Choose) -> None:
        numbers = {name: len(method.values) for name, method in self.methods.items()}
        if len(set(numbers.values())) > 1:
            counted = ", ".join(f"{name} {number}" for name, number in numbers.items())
            raise ValueError(f"methods: the same number of values must be tried for each, not {counted}")
        for name, dataset in self.datasets.items():
            if choose.seed in dataset.seeds:
                raise ValueError(
                    f"choose.seed={choose.seed} is one of datasets.{name}.seeds; choose with a seed that is not scored"
                )


def read_grid(path: Path, settings: tuple[str, ...] = ()) -> Grid:
    """The grid of a file, named as the file, with further settings for every run behind its own.

    Raises:
        UserError: the file is missing, is not YAML, or asks for what makes no sense; one line for each problem.
    """
    try:
        values = YAML(typ="safe").load(path.read_text())
    except FileNotFoundError:
        there = ", ".join(str(file) for file in sorted(Path("grids").glob("*.yaml")))
        raise UserError(f"there is no grid {path}; there are {there or 'none in grids/'}") from None
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(
            f"{path} is not a grid: it should have datasets and methods, as maskcon/experiments/grid/grid_file.py shows"
        )
    own = values.get("settings")
    if own is None or isinstance(own, list):
        values = values | {"name": path.stem, "settings": [*(own or []), *settings]}
    try:
        return Grid.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(f"{path}: {_as_sentence(problem)}" for problem in error.errors())) from None


def _as_sentence(problem: Mapping[str, Any]) -> str:
    """One problem found by pydantic, as: key=value, what is allowed."""
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    value = written(problem["input"])
    match problem["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            return f"{key}={value} is nothing that a grid has; see maskcon/experiments/grid/grid_file.py"
        case "value_error":
            text = problem["msg"].removeprefix("Value error, ")
            return f"{key}: {text}" if key else text
        case "string_pattern_mismatch" if "settings" in problem["loc"]:
            return f"{key}={value} is not allowed: it should be as -S takes it, key=value"
    return as_sentence({**problem, "loc": key.split(".")}, Grid)

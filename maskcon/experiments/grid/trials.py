"""The single runs that a grid stands for, each with the overrides that ``dvc exp run`` takes.

choosing = trials_to_choose(grid)                 # one of each value, on the validation part
scoring = trials_to_score(grid, chosen)           # the chosen values on every seed, on the test part
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maskcon.experiments.grid.grid_file import Grid
from maskcon.parameters.composition import quoted_where_needed

Chosen = Mapping[tuple[str, str], Mapping[str, Any]]  # (data set, method) -> the values it is scored with

CHOOSE, SCORE = "choose", "score"


@dataclass(frozen=True)
class Trial:
    """One run of a grid."""

    dataset: str  # as the grid names it
    method: str
    values: Mapping[str, Any] = field(hash=False)  # of the method's own parameters
    seed: int
    purpose: str  # CHOOSE or SCORE
    overrides: tuple[str, ...]  # of the presets in conf/

    @property
    def label(self) -> str:
        """What people read: good maskcon w=1.0 soft_temperature=0.1 seed 2."""
        values = [f"{name}={written(value)}" for name, value in self.values.items()]
        part = "on val" if self.purpose == CHOOSE else "on test"
        return " ".join([self.dataset, self.method, *values, f"seed {self.seed}", part])

    @property
    def command(self) -> str:
        """The line for a shell that queues it."""
        return " ".join(["dvc exp run --queue", *(f"-S {shlex.quote(one)}" for one in self.overrides)])


def trials_to_choose(grid: Grid) -> list[Trial]:
    """Every value of every method once, on each data set that values are chosen on; none without grid.choose."""
    if grid.choose is None:
        return []
    own = [name for name in grid.datasets if grid.chosen_on(name) == name]
    return [
        _trial(grid, dataset, method, values, grid.choose.seed, CHOOSE)
        for dataset in own
        for method, described in grid.methods.items()
        for values in described.values
    ]


def trials_to_score(grid: Grid, chosen: Chosen) -> list[Trial]:
    """On each data set every seed of every method with the values of ``chosen``; seed by seed, so that a grid cut
    short has the same seeds of all methods."""

    def scored(dataset: str, method: str) -> list[Mapping[str, Any]]:
        if grid.choose is None:
            return list(grid.methods[method].values)
        place = grid.chosen_on(dataset), method
        return [chosen[place]] if place in chosen else []

    return [
        _trial(grid, name, method, values, seed, SCORE)
        for name, dataset in grid.datasets.items()
        for seed in dataset.seeds
        for method in grid.methods
        for values in scored(name, method)
    ]


def number_to_score(grid: Grid) -> int:
    """How many runs are scored in the end, known before values are chosen."""
    values = sum(1 if grid.choose else len(method.values) for method in grid.methods.values())
    return values * sum(len(dataset.seeds) for dataset in grid.datasets.values())


def _trial(grid: Grid, dataset: str, method: str, values: Mapping[str, Any], seed: int, purpose: str) -> Trial:
    described = grid.methods[method]
    overrides = [
        *grid.settings,
        *grid.datasets[dataset].settings,
        f"loss={described.loss or method}",
        *described.settings,
        *(f"loss.{name}={written(value)}" for name, value in values.items()),
        f"seed={seed}",
        f"evaluate.split={'val' if purpose == CHOOSE else 'test'}",
    ]
    return Trial(dataset, method, values, seed, purpose, tuple(map(quoted_where_needed, overrides)))


def written(value: Any) -> str:
    """A value as Hydra reads it."""
    return value if isinstance(value, str) else json.dumps(value)

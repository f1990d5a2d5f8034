"""What of a grid the tracking store has: trials are found by the hash of their inputs, so by code, data and values.

record = GridRecord(store, checkout, grid)
record.complete(trials)                # {trial: its metrics}, of those whose runs are complete
"""

import functools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from maskcon.experiments.grid.grid_file import Grid
from maskcon.experiments.grid.trial import SHARED
from maskcon.experiments.grid.trials import Chosen, Trial, trials_to_choose
from maskcon.parameters.composition import compose_parameters
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import Parameters
from maskcon.runtime.run_key import digest_of_path, hash_of_inputs, hash_of_training
from maskcon.tracking.record import COMPLETE, INPUTS
from maskcon.tracking.search import search_runs
from maskcon.tracking.store import Store

MEMBER = "grid."  # a run of the grid NAME has the tag grid.NAME, which says what it is there


class GridRecord:
    """The trials of one grid in one store."""

    def __init__(self, store: Store, checkout: Path, grid: Grid):
        self.store, self.checkout, self.grid = store, checkout, grid
        self.tag = MEMBER + grid.name
        self._digest = functools.cache(digest_of_path)  # of each file once, not once for every trial
        self._composed = functools.cache(lambda overrides: compose_parameters(checkout / "conf", list(overrides)))
        self._hashed = functools.cache(self._hash)

    def parameters(self, trial: Trial) -> Parameters:
        """Raises: UserError, where the overrides compose to nothing that is allowed."""
        return self._composed(trial.overrides)

    def hashes(self, trial: Trial) -> dict[str, str]:
        """Of all inputs, of those of the training, and of those of the stage features and what it needs.

        Raises: UserError, where the overrides compose to nothing that is allowed, or photos are missing."""
        return self._hashed(trial.overrides)

    def _hash(self, overrides: tuple[str, ...]) -> dict[str, str]:
        parameters = self._composed(overrides)
        _require_photos(parameters)
        return {
            "inputs": hash_of_inputs(self.checkout, parameters, self._digest),
            "training": hash_of_training(self.checkout, parameters, digest_of=self._digest),
            SHARED: hash_of_training(self.checkout, parameters, SHARED, self._digest),
        }

    def complete(self, trials: Iterable[Trial], mark: bool = False) -> dict[Trial, dict[str, float]]:
        """The metrics of those trials whose runs are complete.

        Args:
            mark: say on each of these runs what it is in this grid: data set, method, values, and the values tried.

        Raises:
            UserError: as ``hashes``.
            StoreError: the store cannot be used.
        """
        hashes = {trial: self.hashes(trial)["inputs"] for trial in trials}
        with self.store.opened() as client:
            runs = {run.data.tags.get(INPUTS): run for run in self._runs(client, hashes)}
            found = {trial: runs[key] for trial, key in hashes.items() if key in runs}
            for trial, run in found.items() if mark else ():
                if run.data.tags.get(self.tag) != (role := self._role(trial)):
                    client.set_tag(run.info.run_id, self.tag, role)
        return {trial: dict(run.data.metrics) for trial, run in found.items()}

    def _role(self, trial: Trial) -> str:
        role = {"dataset": trial.dataset, "method": trial.method, "values": dict(trial.values)}
        tried = self.grid.methods[trial.method].values if self.grid.choose else []
        return json.dumps(role | {"tried": tried}, ensure_ascii=False)

    def unmark_others(self, trials: Collection[Trial]) -> None:
        """Take the mark of this grid from runs that are no longer of it: of other values, or of older code.

        Raises:
            StoreError: the store cannot be written.
        """
        hashes = {self.hashes(trial)["inputs"] for trial in trials}
        with self.store.opened() as client:
            for run in self._runs(client, trials):
                if self.tag in run.data.tags and run.data.tags.get(INPUTS) not in hashes:
                    client.delete_tag(run.info.run_id, self.tag)

    def _runs(self, client, trials: Iterable[Trial]) -> Iterator[Any]:
        """All complete runs on the data sets of these trials."""
        names = sorted({self.parameters(trial).data.name for trial in trials})
        ids = [one.experiment_id for name in names if (one := client.get_experiment_by_name(name))]
        return search_runs(client, ids, f"tags.`{COMPLETE}` = 'true'")


def _require_photos(parameters: Parameters) -> None:
    """Raises: UserError, where a run's own photos are not there: what it is, and whether it is complete, is unknown."""
    data = parameters.data
    if data.raw == data.root and not Path(data.root).is_dir():
        raise UserError(
            f"data.root={data.root} is not a directory; pass the absolute path of the photos: "
            '--set "data.root=/home/me/photos"'
        )


def choose_values(grid: Grid, measured: Mapping[Trial, Mapping[str, float]]) -> Chosen:
    """For each data set and method the values of the highest ``grid.choose.metric``, of equal ones the first tried.

    A method with a value that has not been measured is not in the answer: none is chosen among fewer than the others.

    Raises:
        UserError: a run lacks that metric.
    """
    tried: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials_to_choose(grid):
        tried.setdefault((trial.dataset, trial.method), []).append(trial)
    return {
        place: max(trials, key=lambda trial: _score(grid, trial, measured[trial])).values
        for place, trials in tried.items()
        if all(trial in measured for trial in trials)
    }


def _score(grid: Grid, trial: Trial, metrics: Mapping[str, float]) -> float:
    metric = grid.choose.metric if grid.choose else ""
    if metric not in metrics:
        raise UserError(f"choose.metric={metric}: {trial.label} has no such metric; name one of its run")
    return metrics[metric]

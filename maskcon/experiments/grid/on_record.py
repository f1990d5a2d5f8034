"""What of a grid the tracking store has: trials are found by the hash of their inputs, so by code, data and values.

record = GridRecord(store, checkout, grid)
record.complete(trials)                # {trial: its metrics}, of those whose runs are complete
"""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        self._digest = functools.cache(digest_of_path)  # of each file once, not once for every trial
        self._composed = functools.cache(lambda overrides: compose_parameters(checkout / "conf", list(overrides)))
        self._hashes: dict[tuple[str, ...], dict[str, str]] = {}

    def parameters(self, trial: Trial) -> Parameters:
        """Raises: UserError, where the overrides compose to nothing that is allowed."""
        return self._composed(trial.overrides)

    def hashes(self, trial: Trial) -> dict[str, str]:
        """Of all inputs, of those of the training, and of those of the stage features and what it needs.

        Raises: UserError, where the overrides compose to nothing that is allowed, or photos are missing."""
        if trial.overrides not in self._hashes:
            parameters = self.parameters(trial)
            _require_photos(parameters)
            self._hashes[trial.overrides] = {
                "inputs": hash_of_inputs(self.checkout, parameters, self._digest),
                "training": hash_of_training(self.checkout, parameters, digest_of=self._digest),
                SHARED: hash_of_training(self.checkout, parameters, SHARED, self._digest),
            }
        return self._hashes[trial.overrides]

    def inputs_hash(self, trial: Trial) -> str:
        """Raises: UserError, as ``hashes``."""
        return self.hashes(trial)["inputs"]

    def complete(self, trials: Iterable[Trial]) -> dict[Trial, dict[str, float]]:
        """The metrics of those trials whose runs are complete.

        Raises:
            UserError: as ``inputs_hash``.
            StoreError: the store cannot be read.
        """
        hashes = {trial: self.inputs_hash(trial) for trial in trials}
        names = {self.parameters(trial).data.name for trial in hashes}
        with self.store.opened() as client:
            found = {run.data.tags.get(INPUTS): run for run in complete_runs(client, names)}
        return {trial: dict(found[key].data.metrics) for trial, key in hashes.items() if key in found}

    def mark(self, trial: Trial, tried: Sequence[Mapping[str, Any]]) -> None:
        """Say on the trial's run what it is in this grid: data set, method, values, purpose, and the values tried.

        Raises:
            StoreError: the store cannot be written.
        """
        role = {
            "dataset": trial.dataset,
            "method": trial.method,
            "values": dict(trial.values),
            "purpose": trial.purpose,
            "tried": [dict(values) for values in tried],
        }
        text = json.dumps(role, ensure_ascii=False)
        tag = MEMBER + self.grid.name
        same = f"tags.`{INPUTS}` = '{self.inputs_hash(trial)}'"
        with self.store.opened() as client:
            for run in complete_runs(client, {self.parameters(trial).data.name}, same):
                if run.data.tags.get(tag) != text:
                    client.set_tag(run.info.run_id, tag, text)

    def unmark_others(self, trials: Iterable[Trial]) -> None:
        """Take the mark of this grid from runs that are no longer of it: of other values, or of older code.

        Raises:
            StoreError: the store cannot be written.
        """
        trials = list(trials)
        hashes = {self.inputs_hash(trial) for trial in trials}
        tag = MEMBER + self.grid.name
        with self.store.opened() as client:
            for run in complete_runs(client, {self.parameters(trial).data.name for trial in trials}):
                if tag in run.data.tags and run.data.tags.get(INPUTS) not in hashes:
                    client.delete_tag(run.info.run_id, tag)


def _require_photos(parameters: Parameters) -> None:
    """Raises: UserError, where a run's own photos are not there: what it is, and whether it is complete, is unknown."""
    data = parameters.data
    if data.raw == data.root and not Path(data.root).is_dir():
        raise UserError(
            f"data.root={data.root} is not a directory; pass the absolute path of the photos: "
            '--set "data.root=/home/me/photos"'
        )


def complete_runs(client, experiments: Iterable[str], condition: str = "") -> Iterator[Any]:
    """All complete runs of the experiments of these names, of those that meet the condition."""
    wanted = " and ".join(filter(None, [f"tags.`{COMPLETE}` = 'true'", condition]))
    ids = [one.experiment_id for name in sorted(experiments) if (one := client.get_experiment_by_name(name))]
    return search_runs(client, ids, wanted)


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

"""Complete runs of one store, copied to another: from the file of a checkout to the server of a group.

    for copied in upload_runs(source, target): ...

A run that the target has complete, by the hash of its inputs, is passed over, so an upload cut short is called again.
Copied are parameters, whole curves with their times, tags, the data set and all files; ids are new.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskcon.tracking.description import NOTE, experiment_tags
from maskcon.tracking.record import COMPLETE, INPUTS, is_complete, log_batches, runs_with, set_tags
from maskcon.tracking.search import search_runs
from maskcon.tracking.store import Store, experiment_id

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SYSTEM_TAGS = "mlflow."  # given by MLflow itself, but for the note


@dataclass(frozen=True)
class Uploaded:
    experiment: str
    run_name: str
    was_there: bool


def upload_runs(source: Store, target: Store) -> Iterator[Uploaded]:
    """Copy what is complete, run by run.

    Raises:
        StoreError: one of the stores cannot be used; what has been copied stays, and a second call does the rest.
    """
    with source.opened() as from_client, target.opened() as to_client:
        to_client.search_experiments(max_results=1)  # a server that is gone is told also where nothing is to be copied
        for experiment in from_client.search_experiments():
            runs = list(search_runs(from_client, [experiment.experiment_id], f"tags.`{COMPLETE}` = 'true'"))
            if not runs:
                continue
            there = experiment_id(target, to_client, experiment.name)
            for name, value in experiment_tags(there).items():
                to_client.set_experiment_tag(there, name, value)
            for run in runs:
                same = runs_with(to_client, there, INPUTS, run.data.tags[INPUTS])
                if not (was_there := any(map(is_complete, same))):
                    for unfinished in same:  # what an upload cut short has left
                        to_client.delete_run(unfinished.info.run_id)
                    _copy(from_client, run, to_client, there)
                yield Uploaded(experiment.name, run.info.run_name, was_there)


def _copy(from_client: MlflowClient, run: Run, to_client: MlflowClient, experiment: str) -> None:
    """The tag that makes it complete is written last."""
    from mlflow.entities import Metric, Param

    tags = {INPUTS: run.data.tags[INPUTS]}
    copy = to_client.create_run(experiment, run.info.start_time, tags, run.info.run_name)
    copy_id = copy.info.run_id
    points = [
        Metric(point.key, point.value, point.timestamp, point.step)
        for name in run.data.metrics
        for point in from_client.get_metric_history(run.info.run_id, name)
    ]
    log_batches(to_client, copy_id, [Param(name, value) for name, value in run.data.params.items()], points)
    if run.inputs.dataset_inputs:
        to_client.log_inputs(copy_id, run.inputs.dataset_inputs)
    with tempfile.TemporaryDirectory() as folder:
        if from_client.list_artifacts(run.info.run_id):
            to_client.log_artifacts(copy_id, from_client.download_artifacts(run.info.run_id, "", folder))
    own = {name: value for name, value in run.data.tags.items() if not name.startswith(SYSTEM_TAGS)}
    own.pop(COMPLETE)
    if NOTE in run.data.tags:
        words = run.data.tags[NOTE].replace(run.info.run_id, copy_id)  # its pictures and report are files of the copy
        own[NOTE] = words.replace(f"#/experiments/{run.info.experiment_id}/", f"#/experiments/{experiment}/")
    set_tags(to_client, copy, own)
    to_client.set_tag(copy_id, COMPLETE, "true")
    to_client.set_terminated(copy_id, run.info.status, run.info.end_time)

"""The MLflow record: exactly one complete run a distinct set of inputs.

    inputs = Inputs.of(checkout, parameters)
    record_run(store, inputs, checkout, environment)      # at the end, by the stage track

While training runs, maskcon/tracking/follower.py fills the same run with the curves so far. A run counts once it has
the tag pipeline.complete=true, which is written last: what breaks before that is filled in by the next call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskcon.images.packed.left_out import read_left_out
from maskcon.parameters.flattened import flat_texts
from maskcon.parameters.model import Parameters
from maskcon.report.provenance import provenance
from maskcon.runtime.run_key import hash_of_inputs, hash_of_training, run_name
from maskcon.tracking.description import NOTE, experiment_tags, in_percent, run_description
from maskcon.tracking.outcome import Outcome, Point, data_digest, read_outcome
from maskcon.tracking.searchable import SEARCHABLE, log_searchable
from maskcon.tracking.store import Store, StoreError, experiment_id

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

INPUTS = "inputs.hash"
TRAINING = "inputs.training_hash"
RESULTS = "results.hash"
COMPLETE = "pipeline.complete"
EXPERIMENTS = "dvc.exp_names"  # a list: experiments with the same inputs share a run
WAIT_SECONDS = 60.0  # for another process that records the same inputs, such as a follower writing its last point
PARAMETERS_AT_ONCE, METRICS_AT_ONCE = 100, 1000  # limits of MLflow's servers


@dataclass(frozen=True)
class Inputs:
    """What identifies a run."""

    parameters: Parameters
    hash: str
    training_hash: str

    @classmethod
    def of(cls, checkout: Path, parameters: Parameters) -> Inputs:
        return cls(parameters, hash_of_inputs(checkout, parameters), hash_of_training(checkout, parameters))


@dataclass(frozen=True)
class Recorded:
    """What ``record_run`` did."""

    run_id: str
    run_name: str
    experiment: str
    was_complete: bool
    same_results: bool  # False: the run was complete already, with other metrics


def record_run(
    store: Store, inputs: Inputs, checkout: Path, environment: Mapping[str, str], with_files: bool = True
) -> Recorded:
    """Complete the run of these inputs from the files of the stages, or only its tags where it is complete.

    Args:
        with_files: keep figures, report, encoder and the like with it too; a later call does so where they are missing.

    Raises:
        StoreError: the store cannot be used now; nothing is lost, call again.
        UserError: files of the stages are missing or damaged.
    """
    outcome = read_outcome(checkout, inputs.parameters.evaluate.measures)
    with store.writing(inputs.hash, WAIT_SECONDS), store.opened() as client:
        run = open_run(store, client, inputs)
        was_complete = is_complete(run)
        same_results = run.data.tags.get(RESULTS, outcome.digest) == outcome.digest
        if not was_complete:
            log_points(client, run, outcome.curves)
            log_metrics(client, run, [Point(name, 0, value, 0.0) for name, value in outcome.metrics.items()])
            _log_data_set(client, run, inputs.parameters.data.name, checkout)
        if same_results and with_files:
            _log_files(client, run, outcome, checkout, only_missing=was_complete)
        set_tags(client, run, _experiment_tags(run, environment))
        if not was_complete:
            set_tags(client, run, provenance(checkout, environment) | outcome.texts | {RESULTS: outcome.digest})
            files = outcome.artifacts if with_files else []
            place = run.info.run_id, run.info.experiment_id
            words = run_description(*place, inputs.parameters, outcome.metrics, files)
            set_tags(client, run, {NOTE: words} | in_percent(outcome.metrics))
            for name, value in experiment_tags(run.info.experiment_id).items():
                client.set_experiment_tag(run.info.experiment_id, name, value)
            client.set_tag(run.info.run_id, COMPLETE, "true")
        if run.info.status != "FINISHED":
            client.set_terminated(run.info.run_id, "FINISHED")
        return Recorded(run.info.run_id, run.info.run_name, inputs.parameters.data.name, was_complete, same_results)


def open_run(store: Store, client: MlflowClient, inputs: Inputs) -> Run:
    """The run of these inputs: the one there is, an abandoned one of the same training, or a new one."""
    experiment = experiment_id(store, client, inputs.parameters.data.name)
    with store.creating():
        same = runs_with(client, experiment, INPUTS, inputs.hash)
        run = max(same, key=is_complete, default=None) or _adopted(store, client, experiment, inputs)
        if run is None:
            tags = {INPUTS: inputs.hash, TRAINING: inputs.training_hash}
            run = client.create_run(experiment, run_name=run_name(inputs.parameters), tags=tags)
            run = _the_first(client, run, runs_with(client, experiment, INPUTS, inputs.hash))
    log_parameters(client, run, inputs)
    return client.get_run(run.info.run_id)


def is_complete(run: Run) -> bool:
    return run.data.tags.get(COMPLETE) == "true"


def log_parameters(client: MlflowClient, run: Run, inputs: Inputs) -> None:
    from mlflow.entities import Param

    missing = [Param(*item) for item in flat_texts(inputs.parameters).items() if item[0] not in run.data.params]
    log_batches(client, run.info.run_id, params=missing)


def log_points(client: MlflowClient, run: Run, points: Iterable[Point]) -> None:
    """Log those points of the curves that the run has not."""
    points = list(points)
    known = {
        (name, metric.step)
        for name in sorted({point.name for point in points} & set(run.data.metrics))
        for metric in client.get_metric_history(run.info.run_id, name)
    }
    log_metrics(client, run, [point for point in points if (point.name, point.epoch) not in known])


def log_metrics(client: MlflowClient, run: Run, points: Iterable[Point]) -> None:
    """Log values at the time they belong to, not at the time of the call: MLflow keeps a repetition once."""
    from mlflow.entities import Metric

    start = run.info.start_time
    metrics = [Metric(name, value, start + round(1000 * seconds), epoch) for name, epoch, value, seconds in points]
    log_batches(client, run.info.run_id, metrics=metrics)


def _log_files(client: MlflowClient, run: Run, outcome: Outcome, checkout: Path, only_missing: bool) -> None:
    """The files of the run; of a complete one those that somebody has deleted."""
    there: set[str] = set()
    if only_missing:
        folders = {file.parent.as_posix().strip(".") for file in (*outcome.artifacts, *SEARCHABLE)}
        there = {one.path for folder in folders for one in client.list_artifacts(run.info.run_id, folder)}
    for file in outcome.artifacts:
        if file.as_posix() not in there:
            client.log_artifact(run.info.run_id, str(checkout / file), artifact_path=file.parent.as_posix().strip("."))
    log_searchable(client, run, checkout, there)


def _log_data_set(client: MlflowClient, run: Run, name: str, checkout: Path) -> None:
    from mlflow.entities import Dataset, DatasetInput

    digest = data_digest(checkout, name)
    if digest is None:
        return
    data_set = Dataset(name=name, digest=digest[:36], source_type="dvc", source=f"data/sets/{name}")
    client.log_inputs(run.info.run_id, [DatasetInput(data_set)])
    left_out = sum(one.images for one in read_left_out(checkout / "data/sets" / name))
    set_tags(client, run, {"dataset.name": name, "dataset.digest": digest, "dataset.left_out": str(left_out)})


def _experiment_tags(run: Run, environment: Mapping[str, str]) -> dict[str, str]:
    known = run.data.tags.get(EXPERIMENTS, "").split(", ")
    names = {name for name in (*known, environment.get("DVC_EXP_NAME", "")) if name}
    return {EXPERIMENTS: ", ".join(sorted(names))} if names else {}


def set_tags(client: MlflowClient, run: Run, tags: Mapping[str, str]) -> None:
    from mlflow.entities import RunTag

    changed = [RunTag(name, value) for name, value in tags.items() if run.data.tags.get(name) != value]
    if changed:
        client.log_batch(run.info.run_id, tags=changed)


def runs_with(client: MlflowClient, experiment: str, tag: str, value: str) -> list[Run]:
    return client.search_runs([experiment], filter_string=f"tags.`{tag}` = '{value}'", max_results=1000)


def _adopted(store: Store, client: MlflowClient, experiment: str, inputs: Inputs) -> Run | None:
    """A run left incomplete because code after training changed: its curves are those of this run.

    Not one that another process still writes, nor one with other parameters.
    """
    ours = flat_texts(inputs.parameters).items()
    for run in runs_with(client, experiment, TRAINING, inputs.training_hash):
        if not is_complete(run) and run.data.params.items() <= ours:
            with contextlib.suppress(StoreError), store.writing(run.data.tags[INPUTS], wait=0):
                client.set_tag(run.info.run_id, INPUTS, inputs.hash)
                return run
    return None


def _the_first(client: MlflowClient, made: Run, same: list[Run]) -> Run:
    """``made``; or the run of the same inputs that another machine made just before, then ``made`` is deleted."""
    first = min([made, *same], key=lambda run: (run.info.start_time, run.info.run_id))
    if first.info.run_id != made.info.run_id:
        client.delete_run(made.info.run_id)
    return first


def log_batches(client: MlflowClient, run_id: str, params: Sequence[Any] = (), metrics: Sequence[Any] = ()) -> None:
    """As many at once as MLflow's servers take."""
    for start in range(0, len(params), PARAMETERS_AT_ONCE):
        client.log_batch(run_id, params=params[start : start + PARAMETERS_AT_ONCE])
    for start in range(0, len(metrics), METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=metrics[start : start + METRICS_AT_ONCE])

"""Runs of a store, page by page, so that no limit cuts them off, or by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from maskcon.parameters.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000  # runs asked for at once


def search_runs(client: MlflowClient, experiment_ids: Sequence[str], condition: str = "") -> Iterator[Run]:
    """All runs of these experiments that meet the condition, in MLflow's language of filters."""
    token = None
    while experiment_ids:  # MLflow takes none for its default experiment
        page = client.search_runs(list(experiment_ids), condition, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def named_run(client: MlflowClient, name: str) -> Run:
    """The run that is called ``name``, or whose ID begins with it. Raises: UserError, where that is not one run."""
    experiments = [one.experiment_id for one in client.search_experiments()]
    runs = search_runs(client, experiments)
    found = [run for run in runs if run.info.run_name == name or run.info.run_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(f"no run on record is called {name} or has an ID that begins so; make ui lists the runs")
    some = ", ".join(f"{run.info.run_id[:8]} ({run.info.run_name})" for run in found[:4])
    raise UserError(f"{name} may be {len(found)} runs, such as {some}; give the beginning of an ID")

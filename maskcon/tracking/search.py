"""Runs of a store, page by page, so that no limit cuts them off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

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

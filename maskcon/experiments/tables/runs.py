"""Runs as a table, a row each: from the MLflow store, or from an export that anybody can read again.

    runs = read_store(store, grid="cifartoy")            # or dataset="two_digits"
    write_export(runs, Path("reports/studies/cifartoy"))
    runs = read_export(Path("reports/studies/cifartoy"))

Columns: dataset, method, purpose (score or choose), seed, values and tried (JSON), complete, commit, dirty, inputs,
started; params.KEY as text; metrics.NAME. Parameters and metrics are named as in MLflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from maskcon.experiments.grid.on_record import MEMBER
from maskcon.experiments.grid.trials import CHOOSE, SCORE
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_text
from maskcon.tracking.search import search_runs
from maskcon.tracking.store import Store

RUNS, CURVES = "runs.csv", "curves.csv"
PARAMETER, METRIC = "params.", "metrics."
COLUMNS = (
    "dataset",
    "method",
    "purpose",
    "seed",
    "values",
    "tried",
    "complete",
    "commit",
    "dirty",
    "inputs",
    "started",
)
CURVE_COLUMNS = ("inputs", "curve", "epoch", "value")
CURVES_KEPT = ("recall_over_epochs/recall_at_1", "recall_over_epochs/coarse_recall_at_1", "pretrain/loss")
NOT_KEPT = ("interval.", "untrained.interval.", "pixels.interval.", "pretrain.timing.")  # metrics of no table


@dataclass(frozen=True)
class Runs:
    """Runs, and the curves of those that are complete."""

    table: pd.DataFrame  # a row a run
    curves: pd.DataFrame  # CURVE_COLUMNS

    def of(self, dataset: str) -> Runs:
        table = self.table[self.table["dataset"] == dataset]
        return Runs(table, self.curves[self.curves["inputs"].isin(table["inputs"])])

    @property
    def datasets(self) -> list[str]:
        return list(dict.fromkeys(self.table["dataset"]))


def read_store(store: Store, grid: str | None = None, dataset: str | None = None) -> Runs:
    """The runs of a grid, as it named them, or all runs on a data set.

    Raises:
        StoreError: the store cannot be read.
        UserError: it has no such runs.
    """
    rows, curves = [], []
    with store.opened() as client:
        for run in _all_runs(client, dataset):
            row = _row(run, grid)
            if row is None:
                continue
            rows.append(row)
            if row["complete"] and row["purpose"] == SCORE:
                curves += _curve_rows(client, run, row["inputs"])
    if not rows:
        wanted = f"of the grid {grid}" if grid else f"on {dataset}" if dataset else "at all"
        raise UserError(f"the store {store.uri} has no runs {wanted}; make some: make grid GRID=grids/NAME.yaml")
    return Runs(_ordered(pd.DataFrame(rows)), pd.DataFrame(curves, columns=list(CURVE_COLUMNS)))


def _all_runs(client, dataset: str | None) -> Iterator[Any]:
    experiments = client.search_experiments()
    return search_runs(client, [one.experiment_id for one in experiments if dataset is None or one.name == dataset])


def _row(run: Any, grid: str | None) -> dict[str, Any] | None:
    """None for what is no run of the pipeline, or none of the grid."""
    tags, parameters = run.data.tags, run.data.params
    if not {"loss.name", "data.name", "seed", "evaluate.split"} <= parameters.keys():
        return None
    if grid is None:
        role = {
            "dataset": parameters["data.name"],
            "method": parameters["loss.name"],
            "purpose": SCORE if parameters["evaluate.split"] == "test" else CHOOSE,
            "values": {},
            "tried": [],
        }
    elif MEMBER + grid in tags:
        role = json.loads(tags[MEMBER + grid])
    else:
        return None
    kept = {name: value for name, value in run.data.metrics.items() if "/" not in name and not _left_out(name)}
    return {
        "dataset": role["dataset"],
        "method": role["method"],
        "purpose": role["purpose"],
        "seed": int(parameters["seed"]),
        "values": json.dumps(role["values"]),
        "tried": json.dumps(role["tried"]),
        "complete": tags.get("pipeline.complete") == "true" and run.info.status == "FINISHED",
        "commit": tags.get("git.commit", "unknown"),
        "dirty": tags.get("git.dirty") == "true",
        "inputs": tags.get("inputs.hash", run.info.run_id),
        "started": int(run.info.start_time),
        **{PARAMETER + name: value for name, value in sorted(parameters.items())},
        **{METRIC + name: value for name, value in sorted(kept.items())},
    }


def _left_out(name: str) -> bool:
    return name.startswith(NOT_KEPT)


def _curve_rows(client, run: Any, inputs: str) -> list[dict[str, Any]]:
    return [
        {"inputs": inputs, "curve": name, "epoch": int(point.step), "value": float(point.value)}
        for name in CURVES_KEPT
        if name in run.data.metrics
        for point in sorted(client.get_metric_history(run.info.run_id, name), key=lambda point: point.step)
    ]


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Rows and columns in an order that does not depend on when runs ended."""
    columns = [*COLUMNS, *sorted(set(table.columns) - set(COLUMNS))]
    table = table[columns].sort_values(["dataset", "purpose", "method", "values", "seed", "inputs"], kind="stable")
    return table.reset_index(drop=True)


def write_export(runs: Runs, folder: Path) -> None:
    """runs.csv and curves.csv, from which ``read_export`` gives the same runs. Folders of photos are left unnamed."""
    table = runs.table.drop(columns=[name for name in ("params.data.root", "params.data.raw") if name in runs.table])
    write_text(folder / RUNS, table.to_csv(index=False, lineterminator="\n"))
    write_text(folder / CURVES, runs.curves.to_csv(index=False, lineterminator="\n"))


def read_export(folder: Path) -> Runs:
    """Raises: UserError, where the files are missing or are no export."""
    table = _read_csv(folder / RUNS, COLUMNS)
    curves = _read_csv(folder / CURVES, CURVE_COLUMNS)
    numbers = [name for name in table.columns if name.startswith(METRIC)]
    try:
        table[numbers] = table[numbers].apply(pd.to_numeric)
        table = table.astype({"seed": int, "started": int})
        curves = curves.astype({"epoch": int, "value": float})
    except ValueError as error:
        raise UserError(f"{folder}: an export has numbers where {RUNS} and {CURVES} do not ({error})") from None
    for name in ("complete", "dirty"):
        table[name] = table[name] == "True"
    absent = table.columns[table.columns.str.startswith(PARAMETER)]
    table[absent] = table[absent].where(table[absent] != "", None)
    return Runs(_ordered(table), curves)


def _read_csv(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as an export of runs ({error}); write one with --export") from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(f"{path} is no export of runs: it lacks the columns {', '.join(missing)}")
    return table


def loss_parameters(row: Mapping[str, Any]) -> dict[str, Any]:
    """The group ``loss`` of a run, as params.yaml has it."""
    nested: dict[str, Any] = {}
    for column, text in row.items():
        if not column.startswith(f"{PARAMETER}loss.") or not isinstance(text, str):
            continue
        *groups, name = column.removeprefix(f"{PARAMETER}loss.").split(".")
        place = nested
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = text if name == "name" else json.loads(text)
    return nested

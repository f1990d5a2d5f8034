"""Runs as a table, one row per run: from the MLflow store, or from an export that anybody can read again.

    runs = read_store(store, Path("conf"), grid="cifartoy")
    write_export(runs, Path("reports/studies/cifartoy"))
    runs = read_export(Path("reports/studies/cifartoy"))

Columns: COLUMNS, then params.KEY as text and metrics.NAME. Parameters and metrics are named as in MLflow.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from maskcon.experiments.grid.on_record import MEMBER
from maskcon.experiments.grid.trials import CHOOSE, SCORE
from maskcon.methods.parts.interface import build_method
from maskcon.parameters.composition import compose_parameters
from maskcon.parameters.errors import UserError
from maskcon.parameters.flattened import flat_texts
from maskcon.runtime.atomic_files import write_text
from maskcon.tracking.search import search_runs
from maskcon.tracking.store import Store

RUNS = "runs.csv"
PARAMETER, METRIC = "params.", "metrics."
COLUMNS = (
    "dataset",  # as the grid names it, or data.name
    "method",  # as the grid names it, or loss.name
    "title",  # of the method, for people
    "purpose",  # SCORE: on the test part; CHOOSE: on the validation part
    "seed",
    "values",  # JSON: those of the grid
    "not_preset",  # JSON: further values of the method that are not those of its preset
    "tried",  # JSON: all values that the grid tried for the method
    "complete",
    "commit",
    "dirty",
    "inputs",
    "started",
)
# Metrics of no table.
NOT_KEPT = re.compile(r"(\w+\.)?interval\.|gain\.|pretrain\.timing\.")


def read_store(store: Store, conf: Path, grid: str | None = None) -> pd.DataFrame:
    """The runs of a grid, as it named them, or all runs.

    Raises:
        StoreError: the store cannot be read.
        UserError: it has no such runs.
    """
    with store.opened() as client:
        ids = [one.experiment_id for one in client.search_experiments()]
        rows = [row for run in search_runs(client, ids) if (row := _row(run, conf, grid)) is not None]
    if not rows:
        wanted = f"of the grid {grid}" if grid else "at all"
        raise UserError(f"the store {store.uri} has no runs {wanted}; make some: make grid GRID=grids/NAME.yaml")
    return in_order(pd.DataFrame(rows))


def _row(run: Any, conf: Path, grid: str | None) -> dict[str, Any] | None:
    """None for what is not a run of the pipeline, or not one of the grid."""
    tags, parameters = run.data.tags, run.data.params
    if not {"loss.name", "data.name", "seed", "evaluate.split"} <= parameters.keys():
        return None
    if grid is not None and MEMBER + grid not in tags:
        return None
    purpose = SCORE if parameters["evaluate.split"] == "test" else CHOOSE
    role = {"dataset": parameters["data.name"], "method": parameters["loss.name"], "purpose": purpose}
    role |= {"values": {}, "tried": []} | (json.loads(tags[MEMBER + grid]) if grid else {})
    metrics = {name: value for name, value in run.data.metrics.items() if "/" not in name and not NOT_KEPT.match(name)}
    title, preset = _preset(conf, parameters["loss.name"], parameters["data.name"])
    return {
        "dataset": role["dataset"],
        "method": role["method"],
        "title": title if role["method"] == parameters["loss.name"] else f"{title} ({role['method']})",
        "purpose": role["purpose"],
        "seed": int(parameters["seed"]),
        "values": json.dumps(role["values"]),
        "not_preset": json.dumps(_not_preset(parameters, preset, role["values"])),
        "tried": json.dumps(role["tried"]),
        "complete": tags.get("pipeline.complete") == "true" and run.info.status == "FINISHED",
        "commit": tags.get("git.commit", "unknown"),
        "dirty": tags.get("git.dirty") == "true",
        "inputs": tags.get("inputs.hash", run.info.run_id),
        "started": int(run.info.start_time),
        **{PARAMETER + name: value for name, value in sorted(parameters.items())},
        **{METRIC + name: value for name, value in sorted(metrics.items())},
    }


@functools.cache
def _preset(conf: Path, loss: str, data: str) -> tuple[str, dict[str, str]]:
    """The title and the values of the preset of a method; its name and none where it is no longer there."""
    choices = [f"loss={loss}", *([f"data={data}"] if (conf / "data" / f"{data}.yaml").is_file() else [])]
    try:
        parameters = compose_parameters(conf, choices)
    except UserError:
        return loss, {}
    return build_method(parameters.loss).title, flat_texts(parameters)


def _not_preset(parameters: Mapping[str, str], preset: Mapping[str, str], named: Mapping[str, Any]) -> dict[str, str]:
    """The values of the method, as text, that are neither the preset's nor named by the grid."""
    own = {name.removeprefix("loss."): name for name in preset if name.startswith("loss.") and name != "loss.name"}
    return {
        short: parameters[name]
        for short, name in sorted(own.items())
        if short not in named and parameters.get(name, preset[name]) != preset[name]
    }


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows and columns in an order that does not depend on when runs ended."""
    columns = [*COLUMNS, *sorted(set(table.columns) - set(COLUMNS))]
    table = table[columns].sort_values(["dataset", "purpose", "method", "values", "seed", "inputs"], kind="stable")
    return table.reset_index(drop=True)


def write_export(runs: pd.DataFrame, folder: Path) -> None:
    """runs.csv, from which ``read_export`` gives the same runs. Folders of photos are left unnamed."""
    kept = runs.drop(columns=[name for name in ("params.data.root", "params.data.raw") if name in runs])
    write_text(folder / RUNS, kept.to_csv(index=False, lineterminator="\n"))


def read_export(folder: Path) -> pd.DataFrame:
    """Raises: UserError, where the file is missing or is not an export."""
    path = folder / RUNS
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as an export of runs ({error}); write one with --export") from None
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise UserError(f"{path} is not an export of runs: it lacks the columns {', '.join(missing)}")
    metrics = [name for name in table.columns if name.startswith(METRIC)]
    parameters = [name for name in table.columns if name.startswith(PARAMETER)]
    table[metrics] = table[metrics].apply(pd.to_numeric)
    table = table.astype({"seed": int, "started": int})
    for name in ("complete", "dirty"):
        table[name] = table[name] == "True"
    table[parameters] = table[parameters].where(table[parameters] != "", None)
    return in_order(table)

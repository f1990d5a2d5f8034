"""The lines of the figures beside the tables, each averaged over seeds.

over_k(runs)                Recall@K over K by method
over_epochs(runs, metric)   a metric over the epochs by method
over_w(runs, metric)        a metric over w by soft temperature, and the purpose of the runs that tried them
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from maskcon.experiments.grid.trials import CHOOSE, SCORE
from maskcon.experiments.tables.comparison import differing_parameters, latest_scored, method_title, runs_by_row
from maskcon.experiments.tables.methods_compared import Line
from maskcon.experiments.tables.runs import METRIC, PARAMETER, Runs
from maskcon.parameters.plugins import METHODS, names_in

W, T = f"{PARAMETER}loss.w", f"{PARAMETER}loss.soft_temperature"
RECALL = f"{METRIC}recall_at_"


def over_k(runs: Runs, axes: Sequence[str] = ()) -> list[Line]:
    """Recall@K of the scored runs; none where they have no fine labels."""
    scored = latest_scored(runs)
    columns = {int(name.removeprefix(RECALL)): name for name in scored if name.startswith(RECALL)}
    lines = []
    for group, suffix in _by_row(scored, axes):
        known = {k: group[name].dropna() for k, name in sorted(columns.items())}
        known = {k: values for k, values in known.items() if len(values)}
        if known:
            lines.append(_line(group, {float(k): values.to_numpy(float) for k, values in known.items()}, suffix))
    return _placed(lines)


def over_epochs(runs: Runs, metric: str, axes: Sequence[str] = ()) -> list[Line]:
    """A metric of the scored runs over the epochs that were evaluated; epoch 0 is the untrained encoder."""
    points = runs.curves[runs.curves["curve"] == f"recall_over_epochs/{metric}"]
    lines = []
    for group, suffix in _by_row(latest_scored(runs), axes):
        own = points[points["inputs"].isin(group["inputs"])]
        by_epoch = {float(epoch): part["value"].to_numpy(float) for epoch, part in own.groupby("epoch", sort=True)}
        if by_epoch:
            lines.append(_line(group, by_epoch, suffix))
    return _placed(lines)


def over_w(runs: Runs, metric: str) -> tuple[list[Line], str]:
    """A line for each method with several w, and for each soft temperature; of the runs that chose where there are
    such, else of the scored ones; and which of the two. A point whose runs differ in more than the seed is left out."""
    table = runs.table[runs.table["complete"]]
    for purpose in (CHOOSE, SCORE):
        part = table[table["purpose"] == purpose]
        lines = [line for group, _ in _by_row(part, ()) for line in _lines_over_w(group, metric)] if W in part else []
        if any(len(line.x) > 1 for line in lines):
            return lines, purpose
    return [], SCORE


def _lines_over_w(group: pd.DataFrame, metric: str) -> Iterable[Line]:
    column = METRIC + metric
    if column not in group or group[W].map(_number).nunique() < 2:
        return
    known = group[group[column].notna() & group[W].map(lambda text: _number(text) is not None)]
    for place, (soft, part) in enumerate(known.groupby(T, sort=True, dropna=False)):
        points = {_number(w): same for w, same in part.groupby(W) if not differing_parameters(same)}
        by_w = {w: points[w][column].to_numpy(float) for w in sorted(points)}
        if by_w:
            temperature = _number(soft)
            yield _line(part, by_w, "" if temperature is None else f", T {temperature:g}", place)


def _number(text: object) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _by_row(table: pd.DataFrame, axes: Sequence[str]) -> list[tuple[pd.DataFrame, str]]:
    """The runs of each row of the table, in its order, with what the row's name says of the axes."""
    order = {name: place for place, name in enumerate(names_in(METHODS))}
    groups = [
        (group, "".join(f", {axis.split('.')[-1]} {value}" for axis, value in place.items()))
        for place, group in runs_by_row(table, axes)
    ]
    return sorted(groups, key=lambda one: order.get(one[0][f"{PARAMETER}loss.name"].iloc[0], len(order)))


def _placed(lines: list[Line]) -> list[Line]:
    """Lines of one method told apart."""
    seen: dict[str, int] = {}
    placed = []
    for line in lines:
        placed.append(replace(line, place=seen.get(line.loss, 0)))
        seen[line.loss] = seen.get(line.loss, 0) + 1
    return placed


def _line(group: pd.DataFrame, values: dict[float, np.ndarray], suffix: str = "", place: int = 0) -> Line:
    first = group.iloc[0]
    return Line(
        name=method_title(first) + suffix,
        loss=first[f"{PARAMETER}loss.name"],
        x=np.array(list(values)),
        mean=np.array([of.mean() for of in values.values()]),
        sd=np.array([of.std(ddof=1) if len(of) > 1 else 0.0 for of in values.values()]),
        place=place,
    )

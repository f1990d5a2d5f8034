"""Methods side by side: runs grouped by all but their seed, summarised, compared with a baseline.

    table = compare(runs[runs["dataset"] == "good"], "recall_at_1", Question(baseline="grafit"), published)

Runs that differ in anything but the seed are never averaged: such a table is refused with the parameters named, unless
one of them is made an axis of the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from maskcon.experiments.grid.trials import CHOOSE, SCORE
from maskcon.experiments.tables.published import Figures, Published
from maskcon.experiments.tables.runs import METRIC, PARAMETER
from maskcon.experiments.tables.statistics import Summary, paired_difference, summarise
from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import counted

# What may differ: the seed, how a run is recorded, and how many processes trained it (maskcon/runtime/run_key.py).
NOT_OF_THE_RESULT = (f"{PARAMETER}seed", f"{PARAMETER}track.", f"{PARAMETER}train.processes")
OTHER_CODE, CHANGED_CODE = "†", "‡"
WITHOUT_FINE = ("coarse_recall_at_1", "view_retrieval")  # metrics that need no fine labels
UNTRAINED, AS_LOADED = "untrained encoder", "as loaded"
# Features without training: the prefix of their metrics, and the groups of parameters that these depend on.
BASELINES = {
    "raw pixels": ("pixels.", ("data.", "evaluate.")),
    UNTRAINED: ("untrained.", ("data.", "evaluate.", "model.")),
    "whitened": ("whitened.", ("data.", "evaluate.", "model.")),  # of a frozen backbone
}


class NothingYet(UserError):
    """A data set without a complete run that is scored."""


@dataclass(frozen=True)
class Question:
    """What a table is asked to show."""

    baseline: str | None = None  # a method; differences are to it
    axes: tuple[str, ...] = ()  # parameters that distinguish rows, such as loss.w


@dataclass(frozen=True)
class Row:
    """A method, or a method at one place of the axes."""

    method: str  # as the grid, or loss.name, has it; empty for features without training
    title: str
    axis: dict[str, str]
    values: dict[str, object]  # the method's own: those chosen for it, and those that are not its preset's
    by_seed: dict[int, float]
    summary: Summary
    difference: Summary | None = None
    best: bool = False  # the highest mean, or not resolved from it; never with one seed
    published: Mapping[str, Published] = field(default_factory=dict)  # by kind
    marks: str = ""


@dataclass(frozen=True)
class Tried:
    """The values of a method that were tried on the validation part, with what they gave there."""

    title: str
    values: list[dict[str, object]]
    scores: list[float | None]
    chosen: dict[str, object]
    without_fine: dict[str, list[float]] = field(default_factory=dict)  # metric -> what it gave for each of the values


@dataclass(frozen=True)
class Table:
    """One metric of one data set."""

    dataset: str
    metric: str
    rows: list[Row]
    baseline: str | None  # the title of the method that differences are to
    tried: list[Tried]
    notes: list[str]


def compare(runs: pd.DataFrame, metric: str, question: Question, published: Figures) -> Table:
    """The table of one metric over the runs of one data set.

    Raises:
        UserError: there is nothing to show, runs differ in more than the seed, or the baseline is not among them.
    """
    [dataset] = runs["dataset"].unique()
    scored = runs[runs["purpose"] == SCORE]
    complete = scored[scored["complete"]]
    if complete.empty:
        raise NothingYet(f"{dataset}: no run is complete and scored on the test part yet; go on with the grid")
    column = METRIC + metric
    measured = complete[complete[column].notna()] if column in complete else complete.iloc[:0]
    if measured.empty:
        raise UserError(_metric_missing(dataset, metric, complete))
    for axis in question.axes:
        if PARAMETER + axis not in runs:
            raise UserError(f"--axis {axis} is not a parameter of these runs; name one as params.yaml does")
    latest = _latest(measured)
    groups = list(_by_row(latest, question.axes))
    _refuse_mixtures(dataset, groups)

    commit = latest["commit"].mode().iloc[0]
    rows = [_row(group, axis, column, commit, published, metric) for axis, group in groups]
    rows = _with_best(sorted(rows, key=lambda row: (row.title.lower(), [*map(_as_number, row.axis.values())])))
    rows, baseline = _with_differences(dataset, rows, question.baseline)
    notes = [
        *_counts(len(scored) - len(complete), len(complete) - len(measured), len(measured) - len(latest), metric),
        *_code_notes(rows, latest, commit),
        *_shared_settings_notes(latest, question.axes),
        *([_setting(latest)] if any(row.published for row in rows) else []),
    ]
    return Table(
        dataset, metric, [*_untrained_rows(latest, metric), *rows], baseline, _tried(runs, rows, column), notes
    )


def _metric_missing(dataset: str, metric: str, complete: pd.DataFrame) -> str:
    known = sorted(name.removeprefix(METRIC) for name in complete if name.startswith(METRIC))
    ours = [name for name in known if "." not in name or name.startswith("projection.")]
    shown = [name for name in ours if complete[METRIC + name].notna().any()]
    return f"{dataset}: no complete run has the metric {metric}; there are {', '.join(shown)}"


def _latest(runs: pd.DataFrame) -> pd.DataFrame:
    """Of runs with the same parameters and seed, made with several versions of the code, the one begun last."""
    others = NOT_OF_THE_RESULT[1:]
    same = ["method", *(name for name in runs if name.startswith(PARAMETER) and not name.startswith(others))]
    latest = runs.sort_values("started", kind="stable").drop_duplicates(same, keep="last")
    return runs.loc[sorted(latest.index)]


def _by_row(runs: pd.DataFrame, axes: Sequence[str]) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """The runs of each row of a table, with its place on those axes that are parameters of its method."""
    for _, own in runs.groupby("method", sort=True):
        known = [axis for axis in axes if not own[PARAMETER + axis].fillna("null").eq("null").all()]
        places = own.groupby(["method", *(PARAMETER + axis for axis in known)], sort=True, dropna=False)
        for (_, *place), group in places:
            texts = (value if isinstance(value, str) else "null" for value in place)
            yield dict(zip(known, texts, strict=True)), group


def _differing(runs: pd.DataFrame) -> dict[str, list[str]]:
    """The parameters that are not the same in all runs, beside the seed, with their values; a missing one is null."""
    columns = [name for name in runs if name.startswith(PARAMETER) and not name.startswith(NOT_OF_THE_RESULT)]
    values = {name: sorted({one if isinstance(one, str) else "null" for one in runs[name]}) for name in columns}
    return {name.removeprefix(PARAMETER): of for name, of in values.items() if len(of) > 1}


def _refuse_mixtures(dataset: str, groups: list[tuple[dict[str, str], pd.DataFrame]]) -> None:
    problems = []
    for axis, group in groups:
        if differing := _differing(group):
            named = "; ".join(f"{name} is {' or '.join(values)}" for name, values in differing.items())
            place = "".join(f", {name}={value}" for name, value in axis.items())
            first, values = next(iter(differing.items()))
            problems.append(
                f"{dataset}, {group['method'].iloc[0]}{place}: runs that differ in more than the seed are not "
                f"averaged: {named}; make one an axis (--axis {first}), or keep some of the runs "
                f"(--where {first}={values[0]})"
            )
    if problems:
        raise UserError("\n".join(problems))


def _row(runs: pd.DataFrame, axis: dict[str, str], column: str, commit: str, published: Figures, metric: str) -> Row:
    first = runs.iloc[0]
    by_seed = _by_seed(runs, column)
    marks = (OTHER_CODE if (runs["commit"] != commit).any() else "") + (CHANGED_CODE if runs["dirty"].any() else "")
    return Row(
        method=first["method"],
        title=first["title"],
        axis=axis,
        values=json.loads(first["values"]) | json.loads(first["not_preset"]),
        by_seed=by_seed,
        summary=summarise(by_seed),
        published=published.get((first[f"{PARAMETER}loss.name"], _grouping(first), metric), {}),
        marks=marks,
    )


def _grouping(run: pd.Series) -> str:
    """The data set as published figures name it, whatever folder or grid its photos come from."""
    return Path(str(run[f"{PARAMETER}data.coarse_map"])).stem


def _by_seed(runs: pd.DataFrame, column: str) -> dict[int, float]:
    return {int(seed): float(value) for seed, value in zip(runs["seed"], runs[column], strict=True)}


def _as_number(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text


def _with_best(rows: list[Row]) -> list[Row]:
    """Those marked of the highest mean, or whose difference to it is not resolved, of several with n > 1."""
    several = [row for row in rows if row.summary.n > 1]
    if len(several) < 2:
        return rows
    top = max(several, key=lambda row: row.summary.mean)

    def is_best(row: Row) -> bool:
        distance = paired_difference(top.by_seed, row.by_seed)
        if distance is not None and distance.n > 1:
            return row is top or not distance.excludes_zero
        return row.summary.high >= top.summary.low  # two seeds are not shared: whether the intervals overlap

    return [replace(row, best=row.summary.n > 1 and is_best(row)) for row in rows]


def _with_differences(dataset: str, rows: list[Row], baseline: str | None) -> tuple[list[Row], str | None]:
    """Each row with its difference to the baseline at the same place of the axes, or to its only row."""
    if baseline is None:
        return rows, None
    own = [row for row in rows if row.method == baseline]
    if not own:
        there = ", ".join(dict.fromkeys(row.method for row in rows))
        raise UserError(f"{dataset}: --baseline {baseline} has no runs here; there are {there}")
    compared = []
    for row in rows:
        to = [one for one in own if one.axis == row.axis] or (own if len(own) == 1 else [])
        known = to and row.method != baseline
        compared.append(replace(row, difference=paired_difference(row.by_seed, to[0].by_seed)) if known else row)
    return compared, own[0].title


def _untrained_rows(runs: pd.DataFrame, metric: str) -> list[Row]:
    """What needs no training, as each run measured it, by seed; none where runs differ in what it depends on."""
    rows = []
    for title, (prefix, groups) in BASELINES.items():
        column = f"{METRIC}{prefix}{metric}"
        known = runs[runs[column].notna()] if column in runs else runs.iloc[:0]
        if len(known) and not any(name.startswith(groups) for name in _differing(known)):
            seeds = known.drop_duplicates("seed")
            seedless = seeds[column].nunique() == 1  # as pixels, and the features of weights that are loaded
            by_seed = _by_seed(seeds.iloc[:1] if seedless else seeds, column)
            loaded = title == UNTRAINED and _all_known(known, "model.weights") - {"none"}
            rows.append(Row("", AS_LOADED if loaded else title, {}, {}, by_seed, summarise(by_seed)))
    return rows


def _all_known(runs: pd.DataFrame, parameter: str) -> set[str]:
    """The values of a parameter, of those runs that have it."""
    return set(runs.get(PARAMETER + parameter, pd.Series(dtype=object)).dropna()) - {"null"}


def _tried(runs: pd.DataFrame, rows: list[Row], column: str) -> list[Tried]:
    """What was tried on validation for each method, from the roles that the grid wrote onto the runs."""
    choosing = runs[(runs["purpose"] == CHOOSE) & runs["complete"]]
    tried = []
    for method, row in {row.method: row for row in rows}.items():
        scored = runs[(runs["purpose"] == SCORE) & (runs["method"] == method)].iloc[0]
        own = choosing[choosing["method"] == method]
        if values := json.loads(scored["tried"]):
            others = {name: _in_order(own, METRIC + name, values) for name in WITHOUT_FINE}
            known = {name: [one for one in scores if one is not None] for name, scores in others.items()}
            complete = {name: scores for name, scores in known.items() if len(scores) == len(values)}
            scores = _in_order(own, column, values)
            tried.append(Tried(row.title, values, scores, json.loads(scored["values"]), complete))
    return tried


def _in_order(runs: pd.DataFrame, column: str, values: list[dict[str, object]]) -> list[float | None]:
    """What the runs of ``values`` have in ``column``."""
    known = runs[runs[column].notna()] if column in runs else runs.iloc[:0]
    scores = dict(zip(known["values"], known.get(column, ()), strict=True))
    return [scores.get(json.dumps(one)) for one in values]


def _counts(incomplete: int, without_metric: int, replaced: int, metric: str) -> list[str]:
    notes = {
        "not complete": incomplete,
        f"without {metric}": without_metric,
        "of older code, replaced by a later one of the same values": replaced,
    }
    return [f"Left out: {counted(number, 'run')} {why}." for why, number in notes.items() if number]


def _code_notes(rows: list[Row], runs: pd.DataFrame, commit: str) -> list[str]:
    notes = [f"Code of commit {commit[:7]}."]
    if any(OTHER_CODE in row.marks for row in rows):
        others = sorted({one[:7] for one in runs["commit"]} - {commit[:7]})
        notes.append(f"{OTHER_CODE} holds runs of other code: commit {', '.join(others)}.")
    if any(CHANGED_CODE in row.marks for row in rows):
        notes.append(f"{CHANGED_CODE} holds runs of a working copy with changes that its commit lacks.")
    return notes


def _shared_settings_notes(runs: pd.DataFrame, axes: tuple[str, ...]) -> list[str]:
    """Where methods were not run under one recipe."""
    differing = {name: of for name, of in _differing(runs).items() if not name.startswith("loss.") and name not in axes}
    named = "; ".join(f"{name} is {' or '.join(values)}" for name, values in differing.items())
    return [f"Rows differ in more than the method: {named}."] if named else []


def _setting(runs: pd.DataFrame) -> str:
    """What decides whether a published figure compares: network, weights, pixels, the epoch that was scored."""

    def known(name: str) -> str:
        return " or ".join(sorted(_all_known(runs, name)))

    weights = {"none": "random", "package": "ImageNet"}.get(known("model.weights"), known("model.weights"))
    trained = " (frozen)" if known("train.backbone") == "frozen" else ""
    parts = [known("model.backbone") + trained, f"{weights} weights" if weights else ""]
    seen = known("model.input_size")
    enlarged = f", enlarged to {seen} x {seen}" if seen.isdigit() else ""
    parts.append(f"{known('data.width')} x {known('data.height')} pixels{enlarged}")
    return f"Here: {'; '.join(filter(None, parts))}; after the last of {known('train.epochs')} epochs."

"""Methods side by side: runs grouped by all but their seed, summarised, compared with a baseline.

    table = compare(runs.of("good"), "recall_at_1", Question(baseline="grafit"), published)

Runs that differ in anything but the seed are never averaged: such a table is refused with the parameters named, unless
one of them is made an axis of the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from maskcon.experiments.grid.trials import CHOOSE, SCORE
from maskcon.experiments.tables.published import Published, published_for
from maskcon.experiments.tables.runs import METRIC, PARAMETER, Runs, loss_parameters
from maskcon.experiments.tables.statistics import Summary, paired_difference, summarise
from maskcon.methods.parts.interface import build_method
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import check_group
from maskcon.parameters.plugins import METHODS, names_in
from maskcon.parameters.sentences import counted

SEED = f"{PARAMETER}seed"
# What may differ: the seed, how a run is recorded, and how many processes trained it (maskcon/runtime/run_key.py).
NOT_OF_THE_RESULT = (SEED, f"{PARAMETER}track.", f"{PARAMETER}train.processes")
OF_THE_METHOD = f"{PARAMETER}loss."
OTHER_CODE, CHANGED_CODE = "†", "‡"
UNTRAINED, PIXELS = "untrained encoder", "raw pixels"
BASELINES = {PIXELS: "pixels.", UNTRAINED: "untrained."}  # features without training: their metrics' prefix
# The groups of parameters that such features and their metrics depend on.
OF_THE_BASELINE = {PIXELS: ("data.", "evaluate."), UNTRAINED: ("data.", "evaluate.", "model.")}


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
    loss: str  # loss.name
    title: str
    axis: dict[str, str]
    values: dict[str, object]  # those chosen for it
    by_seed: dict[int, float]
    summary: Summary
    difference: Summary | None = None
    best: bool = False
    second: bool = False  # second, and its distance to the best is resolved
    published: Published | None = None
    marks: str = ""


@dataclass(frozen=True)
class Tried:
    """The values of a method that were tried on the validation part, with what they gave there."""

    title: str
    values: list[dict[str, object]]
    scores: list[float | None]
    chosen: dict[str, object]


@dataclass(frozen=True)
class Table:
    """One metric of one data set."""

    dataset: str
    metric: str
    rows: list[Row]
    baseline: str | None  # the title of the method that differences are to
    tried: list[Tried]
    notes: list[str]


def compare(runs: Runs, metric: str, question: Question, published: list[Published]) -> Table:
    """The table of one metric over the runs of one data set.

    Raises:
        UserError: there is nothing to show, runs differ in more than the seed, or the baseline is not among them.
    """
    table = runs.table
    [dataset] = table["dataset"].unique()
    scored = table[table["purpose"] == SCORE]
    complete = scored[scored["complete"]]
    column = METRIC + metric
    measured = complete[complete[column].notna()] if column in complete else complete.iloc[:0]
    if measured.empty:
        if complete.empty:
            raise NothingYet(f"{dataset}: no run is complete and scored on the test part yet; go on with the grid")
        raise UserError(_metric_missing(dataset, metric, complete))
    latest = _latest(measured)
    for axis in question.axes:
        if PARAMETER + axis not in table:
            raise UserError(
                f"--axis {axis} is no parameter of these runs; name one as params.yaml does, such as loss.w"
            )
    groups = list(runs_by_row(latest, question.axes))
    _refuse_mixtures(dataset, groups)

    commit = latest["commit"].mode().iloc[0]
    rows = [_row(group, axis, column, commit) for axis, group in groups]
    rows = [replace(row, published=published_for(published, row.loss, dataset, metric)) for row in rows]
    rows = _ranked(sorted(rows, key=_order))
    rows, baseline = _with_differences(dataset, rows, question.baseline)
    notes = [
        *_counts(len(scored) - len(complete), len(complete) - len(measured), len(measured) - len(latest), metric),
        *_code_notes(rows, latest, commit),
        *_shared_settings_notes(latest, question.axes),
    ]
    untrained = _untrained_rows(latest, metric, question.axes)
    return Table(dataset, metric, [*untrained, *rows], baseline, _tried(table, rows, metric), notes)


def _metric_missing(dataset: str, metric: str, complete: pd.DataFrame) -> str:
    known = sorted(name.removeprefix(METRIC) for name in complete if name.startswith(METRIC))
    shown = [name for name in known if "." not in name and complete[METRIC + name].notna().any()]
    return f"{dataset}: no complete run has the metric {metric}; there are {', '.join(shown)}"


def _latest(runs: pd.DataFrame) -> pd.DataFrame:
    """Of runs with the same parameters and seed, made with several versions of the code, the one begun last."""
    same = ["method", *(name for name in runs if name.startswith(PARAMETER) and not _may_differ(name, but=SEED))]
    latest = runs.sort_values("started", kind="stable").drop_duplicates(same, keep="last")
    return runs.loc[sorted(latest.index)]


def latest_scored(runs: Runs) -> pd.DataFrame:
    """The complete runs on the test part, without those that a later version of the code has replaced."""
    table = runs.table
    return _latest(table[table["complete"] & (table["purpose"] == SCORE)])


def _may_differ(column: str, but: str = "") -> bool:
    return column.startswith(NOT_OF_THE_RESULT) and column != but


def runs_by_row(runs: pd.DataFrame, axes: Sequence[str]) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """The runs of each row of a table, with its place on those axes that are parameters of its method."""
    for _, own in runs.groupby("method", sort=True):
        known = [axis for axis in axes if not own[PARAMETER + axis].fillna("null").eq("null").all()]
        yield from _groups_of_equals(own, known)


def differing_parameters(runs: pd.DataFrame) -> dict[str, list[str]]:
    """The parameters that are not the same in all runs, beside the seed, with their values; a missing one is null."""
    differing = {}
    for column in runs:
        if column.startswith(PARAMETER) and not _may_differ(column):
            values = sorted({value if isinstance(value, str) else "null" for value in runs[column]})
            if len(values) > 1:
                differing[column.removeprefix(PARAMETER)] = values
    return differing


def _refuse_mixtures(dataset: str, groups: list[tuple[dict[str, str], pd.DataFrame]]) -> None:
    problems = []
    for axis, group in groups:
        if differing := differing_parameters(group):
            named = "; ".join(f"{name} is {' or '.join(values)}" for name, values in differing.items())
            place = "".join(f", {name}={value}" for name, value in axis.items())
            problems.append(
                f"{dataset}, {group['method'].iloc[0]}{place}: runs that differ in more than the seed are not "
                f"averaged: {named}; make one an axis (--axis {next(iter(differing))}), or keep some of the runs "
                f"(--where {next(iter(differing))}={next(iter(differing.values()))[0]})"
            )
    if problems:
        raise UserError("\n".join(problems))


def _row(runs: pd.DataFrame, axis: dict[str, str], column: str, commit: str) -> Row:
    first = runs.iloc[0]
    by_seed = {int(seed): float(value) for seed, value in zip(runs["seed"], runs[column], strict=True)}
    marks = (OTHER_CODE if (runs["commit"] != commit).any() else "") + (CHANGED_CODE if runs["dirty"].any() else "")
    return Row(
        method=first["method"],
        loss=first[f"{OF_THE_METHOD}name"],
        title=method_title(first),
        axis=axis,
        values=json.loads(first["values"]),
        by_seed=by_seed,
        summary=summarise(by_seed),
        marks=marks,
    )


def method_title(run: Mapping[str, object]) -> str:
    """The title of the run's method, with the grid's own name for it where that is another."""
    name, loss = str(run["method"]), str(run[f"{OF_THE_METHOD}name"])
    try:
        title = build_method(check_group("loss", loss_parameters(run))).title
    except UserError:  # of another version of the code
        title = loss
    return title if name == loss else f"{title} ({name})"


def _order(row: Row) -> tuple:
    known = names_in(METHODS)
    place = known.index(row.loss) if row.loss in known else len(known)
    return place, row.method, [_as_number(value) for value in row.axis.values()]


def _as_number(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), ""
    except (TypeError, ValueError):
        return 1, 0.0, str(text)


def _ranked(rows: list[Row]) -> list[Row]:
    """The best marked, and the second where the paired difference between the two is resolved."""
    order = sorted(range(len(rows)), key=lambda place: -rows[place].summary.mean)
    ranked = list(rows)
    ranked[order[0]] = replace(rows[order[0]], best=len(rows) > 1)
    if len(rows) > 1:
        distance = paired_difference(rows[order[0]].by_seed, rows[order[1]].by_seed)
        ranked[order[1]] = replace(rows[order[1]], second=distance is not None and distance.excludes_zero)
    return ranked


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


def _untrained_rows(runs: pd.DataFrame, metric: str, axes: tuple[str, ...]) -> list[Row]:
    """What needs no training, as each run measured it: by seed, of the method that comes first.

    A row for each encoder and each set of images: those of runs that differ in them are not averaged.
    """
    rows = []
    for title, prefix in BASELINES.items():
        column = f"{METRIC}{prefix}{metric}"
        if column not in runs:
            continue
        known = runs[runs[column].notna()]
        differing = [name for name in differing_parameters(known) if name.startswith(OF_THE_BASELINE[title])]
        for place, group in _groups_of_equals(known, differing):
            first = group.drop_duplicates("seed")
            by_seed = {int(seed): float(value) for seed, value in zip(first["seed"], first[column], strict=True)}
            if title == PIXELS:  # no seed plays a part
                by_seed = dict(list(by_seed.items())[:1])
            axis = {name: value for name, value in place.items() if name in axes}
            unlike = "; ".join(f"{name} {value}" for name, value in place.items() if name not in axes)
            full_title = f"{title} ({unlike})" if unlike else title
            rows.append(Row("", "", full_title, axis, {}, by_seed, summarise(by_seed)))
    return rows


def _groups_of_equals(runs: pd.DataFrame, names: list[str]) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Runs with the same values of the parameters ``names``, with these values; a missing one is null."""
    if not names:
        if len(runs):
            yield {}, runs
        return
    columns = [PARAMETER + name for name in names]
    for place, group in runs.groupby(columns, sort=True, dropna=False):
        texts = (value if isinstance(value, str) else "null" for value in place)
        yield dict(zip(names, texts, strict=True)), group


def _tried(runs: pd.DataFrame, rows: list[Row], metric: str) -> list[Tried]:
    """What was tried on validation for each row, from the roles that the grid wrote onto the runs."""
    choosing = runs[(runs["purpose"] == CHOOSE) & runs["complete"]]
    tried = []
    for row in rows:
        own = runs[(runs["purpose"] == SCORE) & (runs["method"] == row.method)]
        values = json.loads(own["tried"].iloc[0])
        if not values or any(other.title == row.title for other in tried):
            continue
        scores = (
            {
                text: score
                for text, score in choosing.loc[
                    choosing["method"] == row.method, ["values", METRIC + metric]
                ].itertuples(index=False)
            }
            if METRIC + metric in choosing
            else {}
        )
        tried.append(Tried(row.title, values, [scores.get(json.dumps(one)) for one in values], row.values))
    return tried


def _counts(incomplete: int, without_metric: int, replaced: int, metric: str) -> list[str]:
    notes = []
    if incomplete:
        notes.append(f"Left out: {counted(incomplete, 'run')} not complete.")
    if without_metric:
        notes.append(f"Left out: {counted(without_metric, 'run')} without {metric}.")
    if replaced:
        notes.append(f"Left out: {counted(replaced, 'run')} of older code, replaced by a later one of the same values.")
    return notes


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
    differing = differing_parameters(runs)
    names = [name for name in differing if not name.startswith("loss.") and name not in axes]
    if not names:
        return []
    named = "; ".join(f"{name} is {' or '.join(differing[name])}" for name in names)
    return [f"Rows differ in more than the method: {named}."]

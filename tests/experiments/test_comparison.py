"""Which runs may stand in one row, what is left out and marked, and which row is best."""

import pytest

from maskcon.experiments.tables.comparison import NothingYet, Question, compare
from maskcon.experiments.tables.formats import as_markdown, section
from maskcon.experiments.tables.published import Published
from maskcon.parameters.errors import UserError
from tests.experiments.made_up_runs import joined, made_up

TWO = {"grafit": {1: 0.40, 2: 0.42, 3: 0.41}, "maskcon": {1: 0.50, 2: 0.52, 3: 0.515}}


def table(runs, metric="recall_at_1", published=None, **question):
    return compare(runs, metric, Question(**question), published or {})


def rows(of):
    return {row.title: row for row in of.rows}


def test_means_over_seeds_and_the_difference_to_the_baseline():
    of = rows(table(made_up(TWO), baseline="grafit"))
    assert of["MaskCon"].summary.n == 3
    assert of["MaskCon"].summary.mean == pytest.approx((0.50 + 0.52 + 0.515) / 3)
    assert of["MaskCon"].difference.mean == pytest.approx((0.10 + 0.10 + 0.105) / 3)
    assert of["Grafit"].difference is None


def test_features_without_training_stand_beside_them():
    """Those that know no seed count once, and are named by where their weights come from."""
    of = rows(table(made_up(TWO)))
    assert of["raw pixels"].summary.n == 1
    assert of["untrained encoder"].by_seed == {1: 0.125, 2: 0.25, 3: 0.375}
    loaded = {"params.model.weights": "package", "metrics.untrained.recall_at_1": 0.25}
    of = rows(table(made_up(TWO).assign(**loaded, **{"metrics.whitened.recall_at_1": 0.375})))
    assert (of["as loaded"].by_seed, of["whitened"].by_seed) == ({1: 0.25}, {1: 0.375})
    assert "untrained encoder" not in of


def test_untrained_encoders_that_differ_are_not_averaged():
    narrow, wide = (made_up({"maskcon": TWO["maskcon"]}) for _ in range(2))
    wide["params.model.width"] = "48"
    baselines = [row for row in table(joined(narrow, wide), axes=("model.width",)).rows if not row.method]
    assert [(row.title, row.by_seed) for row in baselines] == [("raw pixels", {1: 0.25})]


MASKCON = {"maskcon": TWO["maskcon"]}


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        (TWO | {"coins": {1: 0.47, 2: 0.53, 3: 0.51}}, {"MaskCon", "CoIns"}),  # not resolved from the best
        # no seed is shared: intervals that overlap are not resolved
        (TWO | {"coins": {4: 0.2, 5: 0.21, 6: 0.22}, "selfcon": {4: 0.47, 5: 0.53, 6: 0.51}}, {"MaskCon", "selfcon"}),
        (TWO | {"coins": {1: 0.9}}, {"MaskCon"}),  # never one seed,
        (MASKCON | {"coins": {1: 0.9}}, set()),  # nor several of one method alone
    ],
)
def test_bold_is_the_best_and_what_is_not_resolved_from_it(scores, best):
    of = table(made_up(scores))
    assert {row.title for row in of.rows if row.best} == best
    assert ("Bold" in as_markdown("x", [section(of)])) == bool(best)


def test_runs_that_differ_in_more_than_the_seed_are_refused_with_the_parameters_named():
    other = {("maskcon", 2): {"params.loss.w": "0.8", "params.train.epochs": "7"}}
    with pytest.raises(UserError, match="not averaged") as refused:
        table(made_up(TWO, where=other))
    message = str(refused.value)
    assert "digits, maskcon" in message
    assert "loss.w is 0.5 or 0.8" in message
    assert "train.epochs is 30 or 7" in message
    assert "--axis loss.w" in message
    with pytest.raises(UserError, match=r"loss\.soft_temperature is 0\.05 or null"):  # one run lacks it
        table(made_up(TWO, where={("maskcon", 2): {"params.loss.soft_temperature": None}}))


def test_how_a_run_is_recorded_and_by_how_many_processes_is_no_difference():
    for otherwise in ({"params.track.live": "false"}, {"params.train.processes": "4"}):
        assert rows(table(made_up(TWO, where={("maskcon", 2): otherwise})))["MaskCon"].summary.n == 3


def test_an_axis_makes_rows_of_them_where_the_method_has_the_parameter():
    low = {("maskcon", seed): {"params.loss.w": "0.25"} for seed in (1, 2)}
    runs = joined(
        made_up({"maskcon": {1: 0.5, 2: 0.5}, "selfcon": {1: 0.2, 2: 0.3}}),
        made_up({"maskcon": {1: 0.3, 2: 0.32}}, where=low),
    )
    of = table(runs, axes=("loss.w",))
    assert [(row.title, row.axis, row.summary.n) for row in of.rows if row.method] == [
        ("MaskCon", {"loss.w": "0.25"}, 2),
        ("MaskCon", {"loss.w": "0.5"}, 2),
        ("selfcon", {}, 2),
    ]
    assert "null" not in as_markdown("x", [section(of)])


def test_runs_that_are_incomplete_or_lack_the_metric_are_left_out_and_counted():
    where = {("maskcon", 3): {"complete": False}, ("grafit", 3): {"metrics.recall_at_1": float("nan")}}
    of = table(made_up(TWO, where=where))
    assert rows(of)["MaskCon"].summary.n == rows(of)["Grafit"].summary.n == 2
    assert {"Left out: 1 run not complete.", "Left out: 1 run without recall_at_1."} <= set(of.notes)


def test_of_the_same_run_by_two_versions_of_the_code_the_later_counts_and_is_marked():
    later = made_up({"maskcon": {2: 0.7}}, where={("maskcon", 2): {"commit": "b" * 40, "started": 5000}})
    of = table(joined(made_up(TWO), later))
    assert rows(of)["MaskCon"].by_seed == {1: 0.50, 2: 0.7, 3: 0.515}
    assert rows(of)["MaskCon"].marks == "†"
    assert rows(of)["Grafit"].marks == ""
    assert any("1 run of older code" in note for note in of.notes)
    assert any("commit bbbbbbb" in note for note in of.notes)


def test_a_changed_working_copy_is_marked():
    of = table(made_up(TWO, where={("grafit", 1): {"dirty": True}}))
    assert rows(of)["Grafit"].marks == "‡"
    assert any(note.startswith("‡") for note in of.notes)


def test_methods_under_different_recipes_are_pointed_out():
    of = table(made_up(TWO, where={("grafit", seed): {"params.train.epochs": "7"} for seed in (1, 2, 3)}))
    assert "Rows differ in more than the method: train.epochs is 30 or 7." in of.notes


def test_values_tried_on_validation_are_told():
    values, tried = {"grafit": {"w": 0.5}}, {"grafit": [{"w": 0.2}, {"w": 0.5}]}
    scored = made_up(TWO, values=values, tried=tried)
    chosen = made_up({"grafit": {0: 0.39}}, purpose="choose", values=values, tried=tried)
    [of] = table(joined(scored, chosen)).tried
    assert (of.title, of.values, of.chosen) == ("Grafit", [{"w": 0.2}, {"w": 0.5}], {"w": 0.5})
    assert of.scores == [None, 0.39]
    assert rows(table(joined(scored, chosen)))["Grafit"].summary.n == 3  # the run that chose is not in the mean


def test_published_figures_stand_beside_ours_with_what_differs_whatever_the_grid_calls_the_set():
    known = {"quoted": Published(60.57, "resnet18; ImageNet weights", "somewhere")}
    published = {("grafit", "digits", "recall_at_1"): known}
    of = table(made_up(TWO, dataset="digits_of_a_grid"), published=published)
    assert rows(of)["Grafit"].published == known
    assert rows(of)["MaskCon"].published == {}
    assert "Here: small_conv; random weights; 16 x 16 pixels; after the last of 30 epochs." in of.notes
    text = as_markdown("x", [section(of)])
    assert "Quoted: printed as the paper's by somebody else (Grafit: resnet18; ImageNet weights; seen in" in text
    assert not any("Here:" in note for note in table(made_up(TWO)).notes)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"metric": "recall_at_3"}, r"no complete run has the metric recall_at_3; there are projection\.recall"),
        ({"baseline": "wcl"}, "--baseline wcl has no runs here; there are grafit, maskcon"),
        ({"axes": ("loss.x",)}, r"--axis loss\.x is not a parameter"),
    ],
)
def test_what_cannot_be_answered_is_refused(asked, problem):
    with pytest.raises(UserError, match=problem):
        table(made_up(TWO).assign(**{"metrics.projection.recall_at_1": 0.5}), **asked)


@pytest.mark.fault
def test_nothing_complete_yet():
    with pytest.raises(NothingYet, match="no run is complete"):
        table(made_up({"grafit": {1: 0.5}}, where={("grafit", 1): {"complete": False}}))

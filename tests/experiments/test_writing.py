"""What lands on disk: the same bytes from the same runs, escaped, and LaTeX that compiles."""

import csv
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from maskcon.experiments.tables.comparison import Question, compare
from maskcon.experiments.tables.dot_plot import _draw
from maskcon.experiments.tables.formats import (
    as_latex,
    as_markdown,
    choice_without_fine_labels,
    latex_escaped,
    metric_title,
    section,
    side_by_side,
)
from maskcon.experiments.tables.published import Published
from maskcon.experiments.tables.runs import _row, read_export, write_export
from maskcon.experiments.tables.writing import default_metrics, write_tables
from maskcon.parameters.errors import UserError
from tests.conftest import REPOSITORY
from tests.experiments.made_up_runs import joined, made_up, parameters

NASTY = r"a_b & 50% #1 {x} $y$ ~ ^ \z | <u> *c* [d](javascript:e)"
SCORES = {"grafit": {1: 0.40, 2: 0.42, 3: 0.41}, "maskcon": {1: 0.50, 2: 0.52, 3: 0.515}}
VALUES = {"grafit": {"w": 0.5}, "maskcon": {"w": 1.0, "soft_temperature": 0.1}}
TRIED = {"grafit": [{"w": 0.2}, {"w": 0.5}], "maskcon": [VALUES["maskcon"], {"w": 0.5, "soft_temperature": 0.1}]}
KNOWN = {("grafit", "digits", "recall_at_1"): {"quoted": Published(60.57, "resnet18", NASTY)}}
WANTED = (("recall_at_1", "recall_at_10"), Question(baseline="grafit"))


def study():
    """Two data sets, values tried on one of them, a run that is not complete, one of other code."""
    chosen = [
        made_up({"grafit": {0: score}}, purpose="choose", values={"grafit": {"w": w}}, tried=TRIED)
        for w, score in ((0.2, 0.35), (0.5, 0.38))
    ]
    where = {("maskcon", 3): {"complete": False}, ("grafit", 2): {"commit": "b" * 40}}
    good = made_up(SCORES, where=where, values=VALUES, tried=TRIED)
    bad = made_up({method: {1: of[1] / 2} for method, of in SCORES.items()}, dataset="bad", values=VALUES, tried=TRIED)
    return joined(good, bad, *chosen)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    out = tmp_path_factory.mktemp("tables")
    names = set(write_tables(study(), *WANTED, KNOWN, out).files)
    assert names >= {"overview.md", "digits.csv", "bad.md", "bad.tex", "bad_methods.png"}
    assert all(imread(out / name).std() > 0 for name in names if name.endswith(".png"))
    return out


def test_the_same_runs_give_the_same_bytes_also_through_an_export(out, tmp_path):
    write_export(study(), tmp_path / "export")
    write_tables(read_export(tmp_path / "export"), *WANTED, KNOWN, tmp_path / "again")
    files = sorted(file.name for file in out.iterdir())
    assert sorted(file.name for file in (tmp_path / "again").iterdir()) == files
    for name in files:
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), name


def test_what_the_files_say(out):
    with open(out / "digits.csv") as file:
        [row] = [one for one in csv.DictReader(file) if one["method"] == "maskcon" and one["metric"] == "recall_at_1"]
    assert float(row["mean"]) == pytest.approx(0.51)
    assert (row["n"], row["seeds"], row["best"]) == ("2", "1 2", "True")
    assert float(row["difference_mean"]) == pytest.approx(0.10)
    text = (out / "digits.md").read_text()
    for words in ("**51.0 ± 1.4**", "w 1.0; T 0.1", "+10.0 [", "60.6", "1 run not complete"):
        assert words in text
    assert "Grafit: w 0.2 (35.0), w 0.5 (38.0). Chosen: w 0.5" in text


def test_what_choosing_without_fine_labels_loses():
    """Grafit's better value has the worse coarse Recall@1; MaskCon's has the better one, by less."""
    values = {"grafit": [0.2, 0.5], "maskcon": [0.2, 0.5]}
    scores = {"grafit": [0.35, 0.38], "maskcon": [0.40, 0.45]}
    coarse = {"grafit": [0.9, 0.8], "maskcon": [0.90, 0.91]}
    tried = {method: [{"w": w} for w in of] for method, of in values.items()}
    choosing = [
        made_up({method: {0: scores[method][place]}}, None, "digits", "choose", {method: {"w": w}}, tried).assign(
            **{"metrics.coarse_recall_at_1": coarse[method][place]}
        )
        for method, of in values.items()
        for place, w in enumerate(of)
    ]
    runs = joined(made_up({"grafit": {1: 0.5}, "maskcon": {1: 0.5}}, tried=tried), *choosing)
    table = choice_without_fine_labels(compare(runs, "recall_at_1", Question(), {}))
    lost = table.cells.set_index("chosen by")
    assert lost["points lost"].to_dict() == {
        "coarse Recall@1": "1.5 ± 2.1",
        "chance": "2.0 ± 0.7",
        "ill luck": "4.0 ± 1.4",
    }
    assert lost.loc["coarse Recall@1", ["at most", "n methods"]].tolist() == ["3.0", "2"]
    assert choice_without_fine_labels(compare(made_up(SCORES), "recall_at_1", Question(), {})) is None


def test_metrics_side_by_side_where_one_lacks_rows():
    runs = made_up(SCORES).assign(**{"metrics.projection.recall_at_1": 0.4})
    behind, on = (compare(runs, metric, Question(), {}) for metric in ("projection.recall_at_1", "recall_at_1"))
    assert metric_title(behind.metric) == "Recall@1 behind the projector"
    cells = side_by_side("x", {"behind": behind, "on": on}).cells.set_index("method")
    assert list(cells.index) == ["raw pixels", "untrained encoder", "Grafit", "MaskCon"]
    assert cells["behind"].tolist() == ["", "", "40.0 ± 0.0 (n 3)", "40.0 ± 0.0 (n 3)"]
    axes = Figure().add_subplot()
    _draw(axes, behind, list(cells.index))
    assert {place for line in axes.lines for place in line.get_ydata()} == {2, 3}  # beside the names of its rows


def test_a_baseline_far_below_does_not_stretch_the_axis():
    runs = made_up(SCORES).drop(columns="metrics.untrained.recall_at_1")
    table = compare(runs.assign(**{"metrics.pixels.recall_at_1": 0.01}), "recall_at_1", Question(), {})
    axes = Figure().add_subplot()
    _draw(axes, table, [row.title for row in table.rows])
    assert [text.get_text() for text in axes.texts] == ["← 1.0%"]
    assert axes.get_xlim()[0] > 5


def test_without_fine_labels_tables_show_what_is_measured():
    measured = {"metrics.coarse_recall_at_1": 0.9, "metrics.view_retrieval": 0.5}
    unlabelled = made_up(SCORES).assign(**measured).drop(columns=["metrics.recall_at_1", "metrics.recall_at_10"])
    runs = joined(made_up(SCORES, dataset="labelled").assign(**measured), unlabelled)
    assert default_metrics(runs) == ("coarse_recall_at_1", "view_retrieval")


def test_values_that_are_not_the_presets_stand_beside_those_of_the_grid():
    recorded = {name.removeprefix("params."): text for name, text in parameters("maskcon", 1, "test").items()}
    recorded |= {"loss.w": "0.8", "loss.temperature": "0.3"}
    tags = {"grid.mine": '{"dataset": "d", "method": "m", "purpose": "score", "values": {"w": 0.8}, "tried": []}'}
    info = SimpleNamespace(status="FINISHED", run_id="1", start_time=1)
    metrics = {"whitened.recall_at_1": 0.5, "projection.interval.recall_at_1.low": 0.4, "interval.recall_at_1.low": 0.3}
    row = _row(
        SimpleNamespace(data=SimpleNamespace(params=recorded, tags=tags, metrics=metrics), info=info),
        REPOSITORY / "conf",
        "mine",
    )
    assert [name for name in row if name.startswith("metrics.")] == ["metrics.whitened.recall_at_1"]
    assert (row["title"], row["values"], row["not_preset"]) == ("MaskCon (m)", '{"w": 0.8}', '{"temperature": "0.3"}')


@pytest.mark.fault
def test_an_export_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"runs\.csv cannot be read as an export"):
        read_export(tmp_path)
    (tmp_path / "runs.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="lacks the columns dataset, method"):
        read_export(tmp_path)


@pytest.mark.fault
def test_nothing_is_written_where_a_table_is_refused(tmp_path):
    runs = made_up(SCORES, where={("maskcon", 2): {"params.loss.w": "0.8"}})
    with pytest.raises(UserError, match="not averaged"):
        write_tables(runs, *WANTED, {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.fault
def test_escaping():
    assert latex_escaped("a_b & 50% #1 {x} $y$") == r"a\_b \& 50\% \#1 \{x\} \$y\$"
    assert latex_escaped("~^\\") == r"\textasciitilde{}\textasciicircum{}\textbackslash{}"
    assert latex_escaped("± \u22121 字") == r"$\pm$ $-$1 ?"
    table = compare(made_up(SCORES), "recall_at_1", Question(), KNOWN)
    expected = r"a\_b & 50% \#1 {x} $y$ ~ ^ \\z \| \<u\> \*c\* [d\](javascript:e)"
    assert expected in as_markdown("x", [section(table)])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_latex_compiles_as_it_stands(out, tmp_path):
    table = compare(study().query("dataset == 'digits'"), "recall_at_1", Question("grafit"), KNOWN)
    (tmp_path / "nasty.tex").write_text(as_latex(NASTY, [section(table)]))
    for file in (tmp_path / "nasty.tex", out / "digits.tex"):
        words = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", f"-output-directory={tmp_path}", str(file)]
        run = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert run.returncode == 0, run.stdout

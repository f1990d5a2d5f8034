"""What lands on disk: the same bytes from the same runs, escaped, and LaTeX that compiles."""

import csv
import shutil
import subprocess
from pathlib import Path

import pytest
from matplotlib.image import imread

from maskcon.experiments.tables import writing
from maskcon.experiments.tables.comparison import Question, compare
from maskcon.experiments.tables.published import Published
from maskcon.experiments.tables.runs import read_export, write_export
from maskcon.experiments.tables.writing import Wanted, typeset, write_tables
from maskcon.experiments.tables.written import as_latex, as_markdown, latex_escaped
from maskcon.parameters.errors import UserError
from tests.experiments.made_up_runs import joined, made_up

TEMPLATE = Path(__file__).resolve().parents[2] / "reports/tables.typ"
NASTY = r"a_b & 50% #1 {x} $y$ ~ ^ \z | <u> *c* [d]"
SCORES = {"grafit": {1: 0.40, 2: 0.42, 3: 0.41}, "maskcon": {1: 0.50, 2: 0.52, 3: 0.515}}
VALUES = {"grafit": {"w": 0.5}, "maskcon": {"w": 1.0, "soft_temperature": 0.1}}
TRIED = {"grafit": [{"w": 0.2}, {"w": 0.5}], "maskcon": [VALUES["maskcon"], {"w": 0.5, "soft_temperature": 0.1}]}


def study():
    """Two data sets, values tried on one of them, a run that is not complete, one of other code."""
    chosen = [
        made_up({method: {0: score}}, purpose="choose", values={method: values}, tried=TRIED, where=where)
        for method, values, score, where in (
            ("grafit", {"w": 0.2}, 0.35, {("grafit", 0): {"params.loss.w": "0.2"}}),
            ("grafit", {"w": 0.5}, 0.38, {("grafit", 0): {"params.loss.w": "0.5"}}),
        )
    ]
    where = {("maskcon", 3): {"complete": False}, ("grafit", 2): {"commit": "b" * 40}}
    good = made_up(SCORES, where=where, values=VALUES, tried=TRIED)
    bad = made_up({method: {1: of[1] / 2} for method, of in SCORES.items()}, dataset=NASTY, values=VALUES, tried=TRIED)
    return joined(good, bad, *chosen)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("tables")
    wanted = Wanted(("recall_at_1", "recall_at_10"), Question(baseline="grafit"))
    known = [Published("grafit", "digits", "recall_at_1", 60.57, NASTY)]
    runs = study()
    runs = type(runs)(runs.table.replace({NASTY: "bad"}), runs.curves)
    return write_tables(runs, wanted, known, TEMPLATE, out), runs, wanted, known, out


def test_every_file_is_there(written):
    result, *_, out = written
    names = {file.name for file in result.files}
    assert names >= {"overview.csv", "overview.md", "overview.tex", "digits.csv", "bad.tex", "tables.pdf"}
    assert names >= {"digits_recall_at_k.png", "digits_over_w.png", "digits_over_epochs.png"}
    assert all((out / name).stat().st_size for name in names)
    assert imread(out / "digits_over_w.png").std() > 0
    assert [reason for reason in result.left_out if "bad: no figure over_w" in reason]


@pytest.mark.parametrize(
    ("purpose", "seeds", "words"),
    [
        ("choose", [0], "on the validation part, one run each."),
        ("score", [1, 2], "on the test part, mean and standard deviation over seeds."),
    ],
)
def test_the_figure_over_w_says_which_images_and_runs_it_shows(purpose, seeds, words, monkeypatch, tmp_path):
    tried = [
        made_up(
            {"grafit": {seed: 0.4 + 0.1 * w + 0.01 * seed for seed in seeds}},
            purpose=purpose,
            values={"grafit": {"w": w}},
            where={("grafit", seed): {"params.loss.w": str(w)} for seed in seeds},
        )
        for w in (0.2, 0.5)
    ]
    scored = [made_up(SCORES, values=VALUES)] if purpose == "choose" else []
    wanted = Wanted(("recall_at_1",), Question(axes=("loss.w",)))
    printed = []
    monkeypatch.setattr(writing, "typeset", lambda template, facts, out: printed.append(facts))
    write_tables(joined(*tried, *scored), wanted, [], TEMPLATE, tmp_path)
    captions = [figure["caption"] for one in printed[0]["datasets"] for figure in one["figures"]]
    assert [caption for caption in captions if " over w" in caption] == [
        f"Recall@1 over w, a line for each soft temperature T; {words}"
    ]


def test_the_same_runs_give_the_same_bytes_also_through_an_export(written, tmp_path):
    _, runs, wanted, known, out = written
    write_export(runs, tmp_path / "export")
    write_tables(read_export(tmp_path / "export"), wanted, known, TEMPLATE, tmp_path / "again")
    files = sorted(file.name for file in out.iterdir())
    assert sorted(file.name for file in (tmp_path / "again").iterdir()) == files
    for name in files:
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), name


def test_the_csv_has_the_numbers_in_full(written):
    *_, out = written
    with open(out / "digits.csv") as file:
        [row] = [one for one in csv.DictReader(file) if one["method"] == "maskcon" and one["metric"] == "recall_at_1"]
    assert float(row["mean"]) == pytest.approx(0.51)
    assert (row["n"], row["seeds"], row["best"]) == ("2", "1 2", "True")
    assert float(row["difference_mean"]) == pytest.approx(0.10)
    assert row["tried"] == '[{"w": 1.0, "soft_temperature": 0.1}, {"w": 0.5, "soft_temperature": 0.1}]'


def test_markdown_says_all_of_it(written):
    *_, out = written
    text = (out / "digits.md").read_text()
    assert "**51.0 ± 1.4**" in text
    assert "+10.0 [" in text
    assert "60.57" in text
    assert "1 run not complete" in text
    assert "Grafit: w 0.2 (35.0), w 0.5 (38.0); chosen w 0.5" in text


def test_an_export_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"runs\.csv cannot be read as an export"):
        read_export(tmp_path)
    (tmp_path / "runs.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="lacks the columns dataset, method"):
        read_export(tmp_path)


def test_nothing_is_written_where_a_table_is_refused(tmp_path):
    runs = made_up(SCORES, where={("maskcon", 2): {"params.loss.w": "0.8"}})
    with pytest.raises(UserError, match="not averaged"):
        write_tables(runs, Wanted(("recall_at_1",), Question()), [], TEMPLATE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_escaping():
    assert latex_escaped("a_b & 50% #1 {x} $y$") == r"a\_b \& 50\% \#1 \{x\} \$y\$"
    assert latex_escaped("~^\\") == r"\textasciitilde{}\textasciicircum{}\textbackslash{}"
    assert latex_escaped("± \u22121 字") == r"$\pm$ $-$1 ?"
    table = compare(
        made_up(SCORES), "recall_at_1", Question(), [Published("grafit", "digits", "recall_at_1", 1, NASTY)]
    )
    assert r"a\_b & 50% \#1 {x} $y$ ~ ^ \\z \| \<u\> \*c\* [d]" in as_markdown("x", [table])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_latex_compiles_as_it_stands(written, tmp_path):
    *_, known, out = written
    table = compare(study().of("digits"), "recall_at_1", Question("grafit"), known)
    (tmp_path / "nasty.tex").write_text(as_latex(NASTY, [table]))
    for file in (tmp_path / "nasty.tex", out / "overview.tex"):
        words = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", f"-output-directory={tmp_path}", str(file)]
        run = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert run.returncode == 0, run.stdout
        assert (tmp_path / f"{file.stem}.pdf").exists()


def test_pages_are_set_from_text_never_from_markup(tmp_path):
    cell = {"text": "#panic() $x$ *b* \\", "best": True, "second": False}
    overview = {"metric": "#a", "head": ["*", "_"], "rows": [{"name": "[#", "cells": [cell]}], "notes": ["= $"]}
    table = {"metric": "@x", "head": ["<y>"], "rows": [[cell | {"best": False, "second": True}]]}
    table |= {"tried": ["`"], "tried_heading": "$x"}
    facts = {"overview": overview, "datasets": [{"name": "#n", "tables": [table], "notes": ["$"], "figures": []}]}
    typeset(TEMPLATE, facts, tmp_path)
    assert (tmp_path / "tables.pdf").read_bytes().startswith(b"%PDF")

"""Class names and file names that are code, markup or tricks, through figures, report and tables: they are text."""

import contextlib
import io
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from maskcon.figures.drawing import figure_style, sheet
from maskcon.parameters.model import load_parameters
from maskcon.report.paper import typeset
from stages import figures, report
from tests.support.finished_run import CHECKOUT, labels_table, number_images, two_digit_labels, write_finished_run
from tests.support.stated_counts import assert_stated

ODD_NAMES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;&#x41;",
    "*bold* _emphasis_ `raw` = heading",
    '#panic("ran")',
    '#read("/etc/passwd")',
    '#eval("1 + 1")',
    '#image("../../../etc/passwd")',
    '"] + panic("ran") + ["',
    "\\input{/etc/passwd} \\immediate\\write18{touch ran}",
    "$\\frac{1}{0}$",
    "$x^{$",
    "$",
    "%s {0} {name} %(x)s ${seed} $(touch ran) `touch ran`",
    "; touch ran; echo '",
    '=HYPERLINK("http://example.org")',
    "../../../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows\\System32",
    "a/b/c",
    ".",
    "..",
    "con",
    "-rf",
    "a, b; c\td",
    "two\nlines",
    "two\r\nlines",
    "\"quoted\" and 'quoted'",
    "\x1b[31mred\x1b[0m \x07",
    "\u202efdp.exe",
    "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "\u0639\u0631\u0628\u064a",
    "\u732b \u72ac",
    "\U0001f431\U0001f3fd\u200d\u2764",
    "e" + "\u0301" * 200,
    "\u200b",
    "\ufeff",
    "x" * 3000,
    "a very long name of very many words " * 60,
    "NA",
    "null",
    "nan",
    "True",
    "1e999",
    "00012",
    " spaces around ",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Figures and report of a run whose every name is one of these, made in a folder with nothing else in it."""
    folder = tmp_path_factory.mktemp("outside") / "run"
    number = np.arange(2 * 2 * len(ODD_NAMES)) % (2 * len(ODD_NAMES))
    coarse = number // 2
    names = [ODD_NAMES[c] for c in coarse]
    fine_names = [f"{ODD_NAMES[f // 2]}{'ab'[f % 2]}" for f in number]
    labels = labels_table(coarse, names, number, fine_names).assign(source=[f"{name}.jpg" for name in names])
    images = number_images(two_digit_labels(len(labels))["fine"].to_numpy())
    write_finished_run(folder, labels, images, figures__neighbours=3)
    (folder / "conf").symlink_to(CHECKOUT / "conf")
    (folder / "reports").mkdir()
    (folder / "reports/report.typ").write_text((CHECKOUT / "reports/report.typ").read_text())
    with contextlib.chdir(folder), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of letters that the font lacks
        parameters = load_parameters(Path("params.yaml"))
        figures.main(parameters)
        report.main(parameters)
    return folder


def test_they_go_the_whole_way(finished):
    assert (finished / "reports/report.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((finished / "reports/figures/shown.json").read_text())["queries"] > 0
    names = pd.read_csv(finished / "data/sets/two_digits/test/labels.csv", keep_default_na=False, dtype=str)
    kept = {name.replace("\r\n", "\n").replace("\r", "\n") for name in names["coarse_name"]}
    assert kept == {name.replace("\r\n", "\n") for name in ODD_NAMES}


def test_no_file_is_made_but_those_of_the_run(finished):
    assert os.listdir(finished.parent) == ["run"]
    assert sorted(os.listdir(finished / "reports/figures")) == [
        *(f"{name}.{kind}" for name in ("embedding_map", "recall_at_k", "retrieved_images") for kind in ("pdf", "png")),
        "shown.json",
        *(f"training_curves.{kind}" for kind in ("pdf", "png")),
    ]
    assert not list(finished.rglob("ran"))


@pytest.mark.parametrize("name", ["#panic(1)", "*b*", "$x$", '"', "\\", "`r`", "<a>", "@map"])
def test_a_name_is_set_letter_by_letter(tmp_path, name):
    """The width of the text as typst sets it is that of its letters: markup would have vanished or failed."""
    (tmp_path / "page.typ").write_text(
        '#set page(width: auto, height: auto, margin: 0pt)\n#set text(font: "DejaVu Sans Mono", ligatures: false)\n'
        "#json(bytes(sys.inputs.facts)).name"
    )

    def width(text: str) -> int:
        [page] = [typeset(tmp_path / "page.typ", {"name": text}, tmp_path, format="png", ppi=300)]
        return int.from_bytes(page[16:20], "big")  # of the PNG's header

    assert abs(width(name) - width("m" * len(name))) <= 2


@pytest.mark.parametrize("name", ["$x^2$", "$\\frac{1}{0}$", "$x^{$"])
def test_a_dollar_sign_begins_no_mathematics_in_figures(name):
    with figure_style():
        figure = Figure()
        text = sheet(figure).text(0, 0, name)
        assert not text.get_parse_math()
        text.get_window_extent()  # set by hand as mathematics, the last would fail here


def test_the_number_of_cases_is_the_one_stated():
    assert_stated("class names", len(ODD_NAMES))

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

from maskcon.parameters.model import load_parameters
from stages import figures, report
from tests.support.finished_run import CHECKOUT, labels_table, number_images, two_digit_labels, write_finished_run

pytestmark = pytest.mark.slow

ODD_NAMES = [
    "<script>alert(1)</script>",
    "*bold* _emphasis_ `raw` = heading",
    '#panic("ran")',
    '"] + panic("ran") + ["',
    "\\input{/etc/passwd} \\immediate\\write18{touch ran}",
    "$\\frac{1}{0}$",
    '=HYPERLINK("http://example.org")',
    "../../../../etc/passwd",
    "..",
    "a, b; c\td",
    "two\r\nlines",
    "\x1b[31mred\x1b[0m \x07",
    "\u0639\u0631\u0628\u064a",
    "\u732b \u72ac",
    "\U0001f431\U0001f3fd\u200d\u2764",
    "e" + "\u0301" * 200,
    "x" * 3000,
    "NA",
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


@pytest.mark.fault
def test_they_go_the_whole_way_and_leave_nothing_else(finished):
    assert (finished / "reports/report.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((finished / "reports/figures/shown.json").read_text())["queries"] > 0
    names = pd.read_csv(finished / "data/sets/two_digits/test/labels.csv", keep_default_na=False, dtype=str)
    assert {name.replace("\r\n", "\n") for name in names["coarse_name"]} == {
        name.replace("\r\n", "\n") for name in ODD_NAMES
    }
    assert os.listdir(finished.parent) == ["run"]
    assert not list(finished.rglob("ran"))

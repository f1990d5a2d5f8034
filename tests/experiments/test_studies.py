"""What docs and README show of a study is what its exported rows give."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks import soft_labels
from maskcon.experiments.tables.comparison import Question
from maskcon.experiments.tables.published import read_published
from maskcon.experiments.tables.runs import read_export
from maskcon.experiments.tables.writing import write_tables

REPOSITORY = Path(__file__).resolve().parents[2]
STUDIES = REPOSITORY / "reports/studies"
METRICS = {
    "cifartoy": ("recall_at_1", "recall_at_2", "recall_at_5", "recall_at_10", "projection.recall_at_1"),
    "two_digits": ("recall_at_1", "recall_at_10", "mean_average_precision_at_r", "coarse_recall_at_1"),
}
BASELINES = {"cifartoy": "grafit", "two_digits": "maskcon"}  # of the tables in the study's folder
SHOWN = re.compile(r"<!-- of (?P<study>\w+), minus (?P<baseline>\w+) -->\n(?P<lines>(?:\|.*\n)+)")


@pytest.mark.parametrize("study", METRICS)
def test_tables_are_those_of_the_rows(study, tmp_path):
    write(study, BASELINES[study], tmp_path)
    for file in sorted(file for file in tmp_path.iterdir() if file.suffix in (".md", ".csv", ".tex")):
        assert file.read_text() == (STUDIES / study / file.name).read_text(), file.name


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/recipe.md"])
def test_a_page_shows_lines_of_a_study(page, tmp_path):
    """Every line of a table below ``<!-- of STUDY, minus BASELINE -->`` stands in a table of that study's rows."""
    shown = list(SHOWN.finditer((REPOSITORY / page).read_text()))
    assert shown
    for found in shown:
        folder = tmp_path / f"{found['study']}_{found['baseline']}"
        if not folder.exists():
            write(found["study"], found["baseline"], folder)
        there = {squeezed(line) for file in folder.glob("*.md") for line in file.read_text().splitlines()}
        assert not [line for line in found["lines"].splitlines() if squeezed(line) not in there]


def test_the_table_of_soft_labels_is_that_of_its_rows():
    folder = STUDIES / "recipe"
    table = soft_labels.table_of(pd.read_csv(folder / "soft_labels.csv", dtype=str))
    assert table == (folder / "soft_labels.md").read_text()
    page = {squeezed(line) for line in (REPOSITORY / "docs/recipe.md").read_text().splitlines()}
    assert {squeezed(line) for line in table.splitlines() if ":--" not in line} <= page


def test_soft_labels_of_features_that_tell_the_fine_classes_apart(monkeypatch):
    """Two coarse classes of two fine ones; of one kind of key all features are alike."""
    monkeypatch.setattr(soft_labels, "QUERIES", 4)
    monkeypatch.setattr(soft_labels, "NEAREST", 2)
    fine = torch.tensor([0, 1, 2, 3] * 3)
    features = {"fine class": torch.eye(4)[fine], "nothing": torch.ones(12, 1)}
    shares = dict(soft_labels.soft_label_quality(features, fine, fine // 2))
    assert all(shares["fine class", name].eq(1).all() for name in ("nearest key", "2 nearest"))
    torch.testing.assert_close(shares["fine class", "soft label, T 0.1"], torch.full((4,), 1 / (1 + math.exp(-10))))
    torch.testing.assert_close(shares["nothing", "soft label, T 0.1"], torch.full((4,), 0.5))


def write(study: str, baseline: str, folder: Path) -> None:
    published = read_published(REPOSITORY / "reports/published.csv")
    write_tables(read_export(STUDIES / study), METRICS[study], Question(baseline), published, folder)


def squeezed(line: str) -> str:
    """Without the spaces and dashes that only align a table."""
    return re.sub(r"-+", "-", re.sub(r"\s+", " ", line)).replace("| ", "|").replace(" |", "|").strip()

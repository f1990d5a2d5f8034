"""What docs and README show of a study is what its exported rows give."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import limits, soft_labels
from maskcon.experiments.tables.comparison import Question
from maskcon.experiments.tables.pages import SHOWN, filled, metrics_of
from maskcon.experiments.tables.published import read_published
from maskcon.experiments.tables.runs import read_export
from maskcon.experiments.tables.writing import write_tables

REPOSITORY = Path(__file__).resolve().parents[2]
STUDIES = REPOSITORY / "reports/studies"
PUBLISHED = read_published(REPOSITORY / "reports/published.csv")
BASELINES = {  # of the tables in the study's folder
    "cifartoy": "grafit",
    "cifartoy_classifiers": None,
    "cifartoy_fine": None,
    "cifartoy_photos": "grafit",
    "cifartoy_probes": None,
    "cifartoy_trained": "grafit",
    "precision": "maskcon_float32",
    "two_digits": "maskcon",
    "two_digits_held_out": None,
    "two_digits_preset": "maskcon",
}
NUMBER = re.compile(r"(?<![\d.])\d+\.\d(?!\d)")
PAGES = ("README.md", "docs/results.md", "docs/recipe.md")


@pytest.mark.parametrize("study", BASELINES)
def test_tables_are_those_of_the_rows(study, tmp_path):
    write(study, BASELINES[study], tmp_path)
    for file in sorted(file for file in tmp_path.iterdir() if file.suffix in (".md", ".csv", ".tex")):
        assert file.read_text() == (STUDIES / study / file.name).read_text(), file.name


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_the_rows_give(page):
    text = (REPOSITORY / page).read_text()
    assert SHOWN.search(text)
    assert filled(text, STUDIES, PUBLISHED) == text


def test_numbers_in_sentences_stand_in_a_table():
    """Of the results: every number with one decimal."""
    tables, sentences = "", {}
    for page in PAGES:
        results = (REPOSITORY / page).read_text().split("## Methods\n")[0].split("## Results\n")[-1]
        for line in results.splitlines():
            if line.startswith("|"):
                tables += line
            else:
                sentences[f"{page}: {line}"] = NUMBER.findall(line)
    tables += "".join(file.read_text() for file in STUDIES.glob("*/*.md"))
    known = set(NUMBER.findall(tables))
    assert [line for line, numbers in sentences.items() if not known.issuperset(numbers)] == []


@pytest.mark.parametrize(
    ("name", "table_of"),
    [
        ("soft_labels", soft_labels.table_of),
        ("over_training", limits.over_training_table),
        ("errors", limits.errors_table),
    ],
)
def test_a_table_of_the_analysis_is_that_of_its_rows(name, table_of):
    rows = pd.read_csv(STUDIES / f"recipe/{name}.csv")
    assert table_of(rows) == (STUDIES / f"recipe/{name}.md").read_text()


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


def test_shares_of_errors(monkeypatch):
    """Four images on a line: each is nearest to the one before it; the first to the second."""
    monkeypatch.setattr(limits, "NEAREST", 2)
    rows = torch.tensor([[1.0, 0.0], [0.99, 0.141], [0.9, 0.436], [0.6, 0.8]])
    names = np.array(["cat", "dog", "dog", "cat"])
    coarse_of = pd.Series({"cat": "animal", "dog": "animal"})
    shares = limits.error_shares(rows, names, coarse_of, np.array([True, False, True, False]))
    assert shares == {
        "wrong": 75.0,  # all but the third
        "wrong, in the coarse class": 75.0,
        "wrong, one of the next four right": 25.0,  # the second: the next is a dog
        "wrong, probe right": 25.0,
        "right, probe wrong": 0.0,
        "cat and dog": 75.0,
    }


def write(study: str, baseline: str | None, folder: Path) -> None:
    write_tables(read_export(STUDIES / study), metrics_of(STUDIES / study), Question(baseline), PUBLISHED, folder)

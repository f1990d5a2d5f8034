"""What docs and README show of a study is what its exported rows give."""

import re
from pathlib import Path

import pytest

from maskcon.experiments.tables.comparison import Question
from maskcon.experiments.tables.published import read_published
from maskcon.experiments.tables.runs import read_export
from maskcon.experiments.tables.writing import write_tables

REPOSITORY = Path(__file__).resolve().parents[2]
STUDIES = REPOSITORY / "reports/studies"
METRICS = {"cifartoy": ("recall_at_1", "recall_at_2", "recall_at_5", "recall_at_10", "projection.recall_at_1")}
SHOWN = re.compile(r"<!-- of (?P<study>\w+), minus (?P<baseline>\w+) -->\n(?P<lines>(?:\|.*\n)+)")


@pytest.mark.parametrize("study", METRICS)
def test_tables_are_those_of_the_rows(study, tmp_path):
    write(study, "grafit", tmp_path)
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


def write(study: str, baseline: str, folder: Path) -> None:
    published = read_published(REPOSITORY / "reports/published.csv")
    write_tables(read_export(STUDIES / study), METRICS[study], Question(baseline), published, folder)


def squeezed(line: str) -> str:
    """Without the spaces and dashes that only align a table."""
    return re.sub(r"-+", "-", re.sub(r"\s+", " ", line)).replace("| ", "|").replace(" |", "|").strip()

"""A page's tables are filled from a study's rows; what it chose to show stays."""

import pytest

from maskcon.experiments.tables.comparison import Question
from maskcon.experiments.tables.pages import fill_page, filled
from maskcon.experiments.tables.runs import write_export
from maskcon.experiments.tables.writing import write_tables
from maskcon.parameters.errors import UserError
from tests.experiments.made_up_runs import made_up

PAGE = """Before | it.

<!-- mine/digits: Recall@1, minus grafit -->
| method | minus Grafit | n |
|---|---|---|
| MaskCon | | 7 |
| raw pixels |

<!-- mine/overview: Recall@1 -->
| method | digits |
|---|---|
| Grafit | 1 |

After.
"""


@pytest.fixture
def studies(tmp_path):
    runs = made_up({"grafit": {1: 0.40, 2: 0.42}, "maskcon": {1: 0.50, 2: 0.53}})
    write_export(runs, tmp_path / "mine")
    write_tables(runs, ("recall_at_1",), Question("grafit"), {}, tmp_path / "mine")
    return tmp_path


def test_lines_and_columns_that_a_page_names_are_filled(studies):
    text = filled(PAGE, studies, {})
    assert "| MaskCon | +10.5 [+4.1, +16.9] | 2 |\n| raw pixels | | 1 |\n\n" in text
    assert "| Grafit | 41.0 ± 1.4 (n 2) |\n\nAfter." in text
    assert text.startswith("Before | it.\n")
    assert filled(text, studies, {}) == text


def test_a_table_that_is_not_of_runs_is_shown_whole(studies):
    (studies / "mine/other.md").write_text("# Other\n\n| a |\n| - |\n| 7 |\n\nWords.\n")
    assert (
        filled("<!-- mine/other -->\n| a |\n\nAfter.\n", studies, {})
        == "<!-- mine/other -->\n| a |\n| - |\n| 7 |\n\nAfter.\n"
    )
    with pytest.raises(UserError, match=r"mine/none\.md cannot be read \(No such file"):
        filled("<!-- mine/none -->\n| a |\n", studies, {})


@pytest.mark.parametrize(
    ("wanted", "instead", "said"),
    [
        ("| MaskCon |", "| MaxCon |", "<!-- mine/digits: Recall@1 --> has no MaxCon"),
        ("| n |", "| number |", "<!-- mine/digits: Recall@1 --> has no number"),
        (
            "mine/digits: Recall@1",
            "mine/digits: Recall@2",
            "<!-- mine/digits: Recall@2 --> is no table; there are Recall@1",
        ),
    ],
)
def test_what_there_is_not_is_named(studies, wanted, instead, said):
    with pytest.raises(UserError, match=said):
        filled(PAGE.replace(wanted, instead), studies, {})


def test_a_page_that_shows_nothing_or_cannot_be_read_is_told(studies, tmp_path):
    with pytest.raises(UserError, match=r"page\.md cannot be read \(.*\); name a Markdown file"):
        fill_page(tmp_path / "page.md", studies, {})
    (tmp_path / "page.md").write_text("Nothing.")
    with pytest.raises(UserError, match=r"page\.md shows no table of a study"):
        fill_page(tmp_path / "page.md", studies, {})
    (studies / "mine/digits.csv").unlink()
    with pytest.raises(UserError, match=r"mine has no tables; write them with: maskcon tables --rows"):
        filled(PAGE, studies, {})

"""reports/published.csv: what it holds, and what is wrong with one that was edited."""

import pytest

from maskcon.experiments.tables.published import published_for, read_published
from maskcon.parameters.errors import UserError
from tests.conftest import REPOSITORY

HEAD = "# a note\nmethod,dataset,metric,value,source\n"


def test_the_file_that_comes_with_the_project():
    figures = read_published(REPOSITORY / "reports/published.csv")
    assert published_for(figures, "grafit", "cifar100", "recall_at_1").percent == 60.57
    assert published_for(figures, "maskcon", "cifar100", "recall_at_1") is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("graft,cifar100,recall_at_1,60,seen", "method=graft is none of"),
        ("grafit,cifar,recall_at_1,60,seen", "dataset=cifar is none of"),
        ("grafit,cifar100,recall_at_1,many,seen", "value=many should be a number of percent"),
        ("grafit,cifar100,recall_at_1,nan,seen", "value=nan should be"),
        ("grafit,cifar100,recall_at_1,60, ", "source should not be empty"),
        ("grafit,cifar100,recall_at_1,60", "there are 4 cells, it should have 5"),
        ("grafit,cifar100,r,60,a\ngrafit,cifar100,r,61,b", "grafit cifar100 r stands there twice"),
    ],
)
def test_a_mistake_is_a_sentence(tmp_path, line, problem):
    (tmp_path / "published.csv").write_text(HEAD + line + "\n")
    with pytest.raises(UserError, match=problem):
        read_published(tmp_path / "published.csv")


def test_a_source_over_two_lines_and_a_file_without_its_first_line(tmp_path):
    (tmp_path / "published.csv").write_text(HEAD + 'grafit,cifar100,recall_at_1,60,"a paper,\nits table"\n')
    assert read_published(tmp_path / "published.csv")[0].source == "a paper, its table"
    (tmp_path / "published.csv").write_text("grafit,cifar100,recall_at_1,60,seen\n")
    with pytest.raises(UserError, match="should be method,dataset,metric,value,source"):
        read_published(tmp_path / "published.csv")

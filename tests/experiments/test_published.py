"""reports/published.csv: what it holds, and what is wrong with one that was edited."""

from pathlib import Path

import pytest

from maskcon.experiments.tables.published import published_for, read_published
from maskcon.parameters.errors import UserError

OURS = Path(__file__).resolve().parents[2] / "reports/published.csv"
HEAD = "# a note\nmethod,dataset,metric,value,source\n"


def test_the_file_that_comes_with_the_project():
    figures = read_published(OURS)
    assert [(one.method, one.dataset, one.metric, one.percent) for one in figures] == [
        ("grafit", "cifar100", "recall_at_1", 60.57),
        ("grafit", "cifar100", "recall_at_10", 89.21),
    ]
    assert published_for(figures, "grafit", "cifar100", "recall_at_1").percent == 60.57
    assert published_for(figures, "grafit", "cifar100", "recall_at_2") is None
    assert published_for(figures, "maskcon", "cifar100", "recall_at_1") is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("graft,cifar100,recall_at_1,60,seen", "line 3: method=graft is none of"),
        ("grafit,cifar,recall_at_1,60,seen", "line 3: dataset=cifar is none of"),
        ("grafit,cifar100,,60,seen", "line 3: metric is empty"),
        ("grafit,cifar100,recall_at_1,many,seen", "line 3: value=many should be a number of percent"),
        ("grafit,cifar100,recall_at_1,160,seen", "line 3: value=160 should be"),
        ("grafit,cifar100,recall_at_1,nan,seen", "line 3: value=nan should be"),
        ("grafit,cifar100,recall_at_1,60, ", "line 3: source is empty"),
        ("grafit,cifar100,recall_at_1,60", "line 3: there are 4 cells, it should have 5"),
        ("grafit,cifar100,r,60,a\ngrafit,cifar100,r,61,b", "line 4: grafit cifar100 r stands there twice"),
    ],
)
def test_a_mistake_is_a_sentence_with_its_line(tmp_path, line, problem):
    (tmp_path / "published.csv").write_text(HEAD + line + "\n")
    with pytest.raises(UserError, match=problem):
        read_published(tmp_path / "published.csv")


def test_a_file_without_its_first_line(tmp_path):
    (tmp_path / "published.csv").write_text("grafit,cifar100,recall_at_1,60,seen\n")
    with pytest.raises(UserError, match="the first line that is no note should be method,dataset,metric,value,source"):
        read_published(tmp_path / "published.csv")

"""reports/published.csv: what it holds, and what is wrong with one that was edited."""

import pytest

from maskcon.experiments.tables.published import read_published
from maskcon.parameters.errors import UserError
from tests.conftest import REPOSITORY

HEAD = "# a note\nmethod,dataset,metric,value,kind,setting,source\n"


def test_the_file_that_comes_with_the_project():
    figures = read_published(REPOSITORY / "reports/published.csv")
    assert figures["grafit", "cifar100", "recall_at_1"]["quoted"].percent == 60.57
    good = figures["maskcon", "cifartoy_good", "recall_at_1"]
    assert {kind: figure.percent for kind, figure in good.items()} == {"quoted": 90.28, "reproduced": 90.03}


@pytest.mark.fault
@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("graft,cifar100,recall_at_1,60,quoted,,seen", "method should be one of"),
        ("grafit,cifar100,recall_at_1,many,quoted,,seen", "with a number as value"),
        ("grafit,cifar100,recall_at_1,nan,quoted,,seen", "value should be from 0 to 100"),
        ("grafit,cifar100,recall_at_1,60,told,,seen", "kind should be quoted or reproduced"),
        ("grafit,cifar100,recall_at_1,60", "it should have method, dataset"),
        (
            'grafit,cifar100,recall_at_1,60,"seen\n# here"',
            '60,"seen: unexpected end of data; write each row on one line',
        ),
    ],
)
def test_a_mistake_is_a_sentence(tmp_path, line, problem):
    (tmp_path / "published.csv").write_text(HEAD + line + "\n")
    with pytest.raises(UserError, match=problem):
        read_published(tmp_path / "published.csv")

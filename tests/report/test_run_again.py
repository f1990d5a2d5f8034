"""The command of the report gives the parameters of the run."""

import shlex

import pytest

from maskcon.parameters.composition import compose_parameters
from maskcon.report.run_again import commands, overrides
from tests.conftest import REPOSITORY

CONF = REPOSITORY / "conf"


@pytest.mark.parametrize(
    ("changes", "shortest"),
    [
        ([], True),
        (["recipe=paper"], True),
        (["loss=grafit", "loss.w=0.8", "seed=7"], True),
        (["data=folder", "data.root='/home/me/my photos'", "data.stored=null"], False),
        (["model=resnet34", "train=paper", "train.learning_rate=1e-05"], False),
        (["evaluate.recall_at=[1,3]", "loss=sane"], False),
    ],
    ids=str,
)
def test_overrides_compose_the_same_parameters(changes, shortest):
    parameters = compose_parameters(CONF, changes)
    again = overrides(parameters, CONF)
    assert compose_parameters(CONF, again) == parameters
    assert not shortest or sorted(again) == sorted(changes)


def test_commands_can_be_pasted_into_a_shell():
    lines = commands("0123abc", compose_parameters(CONF, ["data.root='my pictures/a b'"]), CONF)
    assert lines[0] == "git checkout 0123abc"
    assert shlex.split(lines[-1]) == ["dvc", "exp", "run", "-S", "data.root=my pictures/a b"]
    assert commands("0123abc", compose_parameters(CONF, []), CONF)[-1] == "dvc repro"

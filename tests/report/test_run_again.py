"""The command of the report gives the parameters of the run: Hydra itself composes them."""

import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from maskcon.report.run_again import commands, overrides

CONF = Path(__file__).resolve().parents[2] / "conf"


def composed(*changes: str) -> dict:
    with initialize_config_dir(str(CONF), version_base=None):
        return OmegaConf.to_container(compose("config", list(changes)), resolve=True)


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["seed=7"],
        ["loss=grafit", "loss.w=0.8"],
        ["loss=selfcon", "data=digits"],
        ["recipe=paper"],
        ["recipe=paper", "model=small_conv", "train.epochs=3"],
        ["model=resnet34", "model.imagenet_weights=true", "train=paper", "train.learning_rate=1e-05"],
        ["evaluate.recall_at=[1,3]", "data.mean=[0.1,0.2,0.3]", "data.images.test=12"],
        ["data.name=own", "data.root='my pictures/a b=c'", "+loss.extra=null"],
        ["~loss.temperature"],
        ["data=folder", "data.root='/home/me/my photos'", "data.stored=null"],
        ["data.raw=elsewhere", "data.coarse_map=coarse_labels/digits.csv"],
    ],
    ids=" ".join,
)
def test_overrides_compose_the_same_parameters(changes):
    parameters = composed(*changes)
    assert composed(*overrides(parameters, CONF)) == parameters


def test_the_shortest_way_is_said():
    assert overrides(composed(), CONF) == []
    assert overrides(composed("recipe=paper"), CONF) == ["recipe=paper"]
    assert overrides(composed("loss=grafit", "loss.w=0.8"), CONF) == ["loss=grafit", "loss.w=0.8"]
    assert overrides(composed("data=folder", "data.root=/photos"), CONF) == ["data=folder", "data.root=/photos"]


def test_commands_can_be_pasted_into_a_shell():
    lines = commands("0123abc", composed("data.root='my pictures/a b'"), CONF)
    assert lines[0] == "git checkout 0123abc"
    assert shlex.split(lines[-1]) == ["dvc", "exp", "run", "-S", 'data.root="my pictures/a b"']
    assert commands("0123abc", composed(), CONF)[-1] == "dvc repro"

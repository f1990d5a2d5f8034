"""The published example runs: what their presets say, and that a choice on the command line still wins."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from maskcon.parameters.composition import compose

CONF = Path(__file__).resolve().parents[2] / "conf"

PUBLISHED = {
    "paper_imagenet32": {
        "data": {"name": "imagenet32", "val_share": 0.0},
        "loss": {"name": "coins", "temperature": 0.1, "w": 1.0},
        "train": {"epochs": 100, "batch_size": 256, "queue_size": 16_384, "key_momentum": 0.99},
    },
    "paper_sop_split1": {
        "data": {"name": "sop_split1", "val_share": 0.0},
        "loss": {"name": "maskcon", "temperature": 0.1, "w": 0.8, "soft_temperature": 0.1},
        "train": {"epochs": 200, "batch_size": 128, "queue_size": 8192, "key_momentum": 0.99, "query_view": "weak"},
    },
    "paper_cars196": {
        "data": {"name": "cars196", "val_share": 0.0},
        "loss": {"name": "maskcon", "temperature": 0.1, "w": 1.0, "soft_temperature": 0.1},
        "train": {"epochs": 200, "batch_size": 128, "queue_size": 8192, "key_momentum": 0.99},
    },
}
OF_ALL = {"learning_rate": 0.02, "weight_decay": 5e-4, "warmup_epochs": 5, "query_view": "strong", "key_view": "weak"}


def composed(*choices):
    return YAML(typ="safe").load(compose(CONF, list(choices)))


@pytest.mark.parametrize("recipe", PUBLISHED)
def test_a_published_run(recipe):
    values = composed(f"recipe={recipe}")
    assert values["recipe"] == recipe
    assert values["model"]["backbone"] == "resnet18"
    for group, published in PUBLISHED[recipe].items():
        assert {name: values[group][name] for name in published} == published
    expected = OF_ALL | {name: value for name, value in PUBLISHED[recipe]["train"].items() if name in OF_ALL}
    assert {name: values["train"][name] for name in OF_ALL} == expected


def test_a_choice_wins_over_the_recipe():
    values = composed("recipe=paper_cars196", "loss.w=0.4", "data.val_share=0.2", "train.epochs=50")
    assert (values["loss"]["w"], values["data"]["val_share"], values["train"]["epochs"]) == (0.4, 0.2, 50)
    assert composed("recipe=paper_cars196", "loss=grafit", "~loss.soft_temperature")["loss"]["name"] == "grafit"


def test_the_general_recipe_goes_with_any_set():
    values = composed("recipe=paper", "data=sop_split2")
    assert (values["data"]["name"], values["train"]["epochs"]) == ("sop_split2", 200)

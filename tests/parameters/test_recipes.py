"""The recipes called paper: each value of MaskCon's published code; a choice on the command line still wins."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from maskcon.parameters.composition import compose
from maskcon.parameters.plugins import METHODS

CONF = Path(__file__).resolve().parents[2] / "conf"

# Of every run: the code's defaults. Then the three example runs of its README, and other sets with its defaults.
DEFAULTS = {
    "model": {"backbone": "resnet18", "projector_hidden_size": 512, "projection_size": 256},
    "loss": {"name": "maskcon", "temperature": 0.1, "w": 0.5, "soft_temperature": 0.05},
    "train": {
        "epochs": 200,
        "warmup_epochs": 5,
        "batch_size": 128,
        "queue_size": 8192,
        "key_momentum": 0.99,
        "learning_rate": 0.02,
        "sgd_momentum": 0.9,
        "weight_decay": 5e-4,
        "query_view": "strong",
        "key_view": "weak",
    },
}
SMALL = {"augmentation": "small_colour", "height": 32}  # crop, flip; strong: AutoAugment's policy for CIFAR-10
CARS = {"augmentation": "photo", "height": 224}  # crop, flip, perspective; strong: colours, grey and blur, too
PRODUCTS = {"augmentation": "products", "height": 224}  # crop, flip, perspective, weak and strong
PUBLISHED = [
    ("recipe=paper_cars196", {"data": CARS | {"val_share": 0}, "loss": {"w": 1.0, "soft_temperature": 0.1}}),
    ("recipe=paper_sop_split1", {"data": PRODUCTS | {"val_share": 0}, "loss": {"w": 0.8, "soft_temperature": 0.1}}),
    (
        "recipe=paper_imagenet32",
        {
            "data": SMALL | {"val_share": 0},
            "loss": {"name": "coins", "temperature": 0.1, "w": 1.0, "soft_temperature": None},
            "train": {"epochs": 100, "batch_size": 256, "queue_size": 16_384},
        },
    ),
    ("recipe=paper data=sop_split2", {"data": PRODUCTS}),
    ("recipe=paper data=cifar100", {"data": SMALL}),
    ("recipe=paper data=cifartoy_good", {"data": SMALL}),
    ("recipe=paper data=cifartoy_bad", {"data": SMALL}),
    ("recipe=paper", {}),  # not the values that the small set needs
]


def composed(*choices):
    return YAML(typ="safe").load(compose(CONF, list(choices)))


@pytest.mark.parametrize(("choices", "own"), PUBLISHED)
def test_a_published_run(choices, own):
    values = composed(*choices.split())
    for group in DEFAULTS.keys() | own.keys():
        published = DEFAULTS.get(group, {}) | own.get(group, {})
        assert {name: values[group].get(name) for name in published} == published


def test_a_choice_wins_over_the_recipe():
    values = composed("recipe=paper_cars196", "loss.w=0.4", "train.epochs=1")
    assert (values["loss"]["w"], values["train"]["epochs"]) == (0.4, 1)
    assert composed("recipe=paper_cars196", "loss=grafit", "~loss.soft_temperature")["loss"]["name"] == "grafit"


@pytest.mark.parametrize(
    ("choices", "loss"),
    [
        ("loss=maskcon", {"w": 1.0, "soft_temperature": 0.15}),
        ("loss=maskcon data=digits", {"w": 0.5, "soft_temperature": 0.05}),
        ("loss=ancor", {"temperature": 0.3}),
        ("loss=ancor data=cifar100", {"temperature": 0.2}),
        ("loss=bucsfr", {"temperature": 0.1, "warmup_epochs": 3}),
        ("loss=bucsfr data=cifar100", {"temperature": 0.2, "warmup_epochs": 10}),
        ("loss=ascl", {"temperature": 0.1, "soft_temperature": 0.05, "neighbours": 5}),
    ],
)
def test_a_preset_is_the_published_one_and_two_digits_has_its_own(choices, loss):
    values = composed(*choices.split())["loss"]
    assert {name: values[name] for name in loss} == loss


@pytest.mark.parametrize("recipe", ["photos", "small_photos"])
def test_photos_are_for_every_method(recipe):
    for method in METHODS:
        assert composed(f"recipe={recipe}", f"loss={method}")["loss"]["name"] == method
    assert composed(f"recipe={recipe}")["loss"].items() >= {"w": 1.0, "soft_temperature": 0.05}.items()

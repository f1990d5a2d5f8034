"""docs/parameters.md: in step with the model and the presets, and each parameter in it with a meaning."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field
from ruamel.yaml import YAML

from maskcon.parameters.composition import compose
from maskcon.parameters.model import Group
from maskcon.parameters.model import Parameters as RealParameters
from maskcon.parameters.reference import parameter_reference

REPOSITORY = Path(__file__).resolve().parents[2]
CONF = REPOSITORY / "conf"


def rows(page: str) -> list[dict[str, str]]:
    lines = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return [
        dict(zip(("key", "meaning", "allowed", "default", "elsewhere"), (cell.strip() for cell in line), strict=True))
        for line in lines
    ]


def test_the_page_is_in_step():
    wanted = parameter_reference(CONF)
    assert (REPOSITORY / "docs/parameters.md").read_text() == wanted, "write it again with: make params"


def test_every_parameter_has_a_meaning():
    without = [row["key"] for row in rows(parameter_reference(CONF)) if not row["meaning"].rpartition(": ")[2]]
    assert not without, f"write under these fields of maskcon/parameters/model.py what they mean: {without}"


def leaves(values: dict, above: str = "") -> dict:
    flat = {}
    for key, value in values.items():
        flat |= leaves(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat


def test_the_defaults_are_those_of_the_committed_parameters():
    """As composed by Hydra, where the page reads the files of conf/ by itself."""
    composed = leaves(YAML(typ="safe").load(compose(CONF, [])))
    shown = {
        row["key"].strip("`"): row["default"] for row in rows(parameter_reference(CONF)) if row["default"] != "not used"
    }
    for key, default in shown.items():
        if "${" not in default:
            assert YAML(typ="safe").load(default.strip("`")) == composed[key], key
    assert set(composed) == set(shown)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A model of two methods and a group of its own, with presets."""

    class Crop(Group):
        margin: Annotated[int, Field(ge=0)]
        """Of pixels."""

    class Base(Group):
        name: str
        """The method."""
        rate: Annotated[float, Field(gt=0, lt=1)]
        """How fast."""
        crop: None
        """Cut first; null: not."""

    class One(Base):
        name: Literal["one"]
        weight: bool
        """Weigh."""

    class Two(Base):
        name: Literal["two", "three"]
        weight: list[Literal["a", "b"]]
        """What is weighed."""
        crop: Crop | None

    class Parameters(Group):
        seed: int
        """Chance."""
        loss: Annotated[One | Two, Field(discriminator="name")]

    monkeypatch.setattr("maskcon.parameters.reference.Parameters", Parameters)
    for name, text in {
        "config.yaml": "defaults: [loss: one, _self_, recipe: plain]\nseed: 1",
        "loss/one.yaml": "{name: one, rate: 0.5, crop: null, weight: true}",
        "loss/two.yaml": "{name: two, rate: 0.25, crop: null, weight: [a]}",
        "loss/three.yaml": "{name: three, rate: 0.5, crop: {margin: 3}, weight: [a]}",
        "recipe/plain.yaml": "recipe: plain",
        "recipe/fast.yaml": "defaults: [override /loss: two]\nloss: {weight: [a, b], rate: 0.9}\nrecipe: fast",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return rows(parameter_reference(tmp_path))


def test_a_row_of_each_kind(small):
    assert [tuple(row.values()) for row in small] == [
        ("`seed`", "Chance.", "whole number", "`1`", ""),
        ("`loss.name`", "The method.", "`one`, `two`, `three`", "`one`", ""),
        ("`loss.rate`", "How fast.", "number above 0 below 1", "`0.5`", "`0.25` two; `0.9` recipe=fast"),
        ("`loss.weight`", "one: Weigh.", "`true`, `false`", "`true`", ""),
        (
            "`loss.weight`",
            "two, three: What is weighed.",
            "list of: `a`, `b`",
            "not used",
            '`["a"]` three, two; `["a", "b"]` recipe=fast',
        ),
        ("`loss.crop`", "Cut first; null: not.", "the values below or `null`", "not used", "`null` two"),
        ("`loss.crop.margin`", "Of pixels.", "whole number from 0", "not used", "`3` three"),
    ]


def test_the_real_model_has_all_its_groups_on_the_page():
    page = parameter_reference(CONF)
    assert page.count("\n## ") == 1 + sum(name not in ("seed", "recipe") for name in RealParameters.model_fields)

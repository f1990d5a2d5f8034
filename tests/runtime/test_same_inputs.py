"""What is changed while stages run is never recorded as if it had made their result."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.same_inputs import md5, require_one_set_of_inputs, require_unchanged_inputs
from tests.tracking.finished_checkout import make_checkout

OTHER = {"params.yaml": {"seed": 99}}


def change_value(checkout: Path, name: str, value) -> None:
    values = YAML(typ="safe").load((checkout / "params.yaml").read_text())
    values[name] = value
    with open(checkout / "params.yaml", "w") as file:
        YAML().dump(values, file)


@pytest.fixture
def checkout(tmp_path):
    return make_checkout(tmp_path / "checkout")


def test_nothing_changed(checkout):
    require = require_unchanged_inputs("pretrain", checkout)
    change_value(checkout, "figures", {})  # which pretrain does not read
    require()


@pytest.mark.fault
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda checkout: change_value(checkout, "seed", 7), "seed changed while stage pretrain ran"),
        (lambda checkout: write_text(checkout / "code/train.py", "other"), "code/train.py changed"),
        (lambda checkout: write_text(checkout / "data/sets/digits/train/images.npy", "x"), "images.npy changed"),
    ],
    ids=["a value", "code", "data"],
)
def test_a_change_while_a_stage_runs_is_named(checkout, change, named):
    write_text(checkout / "data/sets/digits/train/images.npy", "before")
    require = require_unchanged_inputs("pretrain", checkout)
    change(checkout)
    with pytest.raises(UserError, match=named):
        require()


def test_a_stage_of_a_matrix_has_the_inputs_of_its_item(checkout):
    require = require_unchanged_inputs("measure@knn", checkout)
    write_text(checkout / "code/measures/linear.py", "new")
    require()
    write_text(checkout / "code/measures/knn.py", "other")
    with pytest.raises(UserError, match=r"code/measures/knn.py changed while stage measure@knn ran"):
        require()


def lock(checkout: Path, seed: int) -> None:
    stage = {
        "params": {"params.yaml": {"seed": seed}},
        "deps": [{"path": name, "md5": md5(checkout / name)} for name in ("code/train.py", "code/methods")],
    }
    with open(checkout / "dvc.lock", "w") as file:
        YAML().dump({"stages": {"pretrain": stage, "measure@asked_for_before": stage | {"params": OTHER}}}, file)


@pytest.mark.fault
def test_a_change_between_two_stages_is_named(checkout):
    lock(checkout, seed=1)
    require_one_set_of_inputs(checkout)
    write_text(checkout / "code/methods/maskcon.py", "other")
    with pytest.raises(UserError, match="code/methods changed since the stages before ran"):
        require_one_set_of_inputs(checkout)
    lock(checkout, seed=1)
    (checkout / "code/train.py").unlink()
    with pytest.raises(UserError, match=r"code/train\.py changed since the stages before ran"):
        require_one_set_of_inputs(checkout)
    lock(checkout, seed=6)
    with pytest.raises(UserError, match="seed changed since"):
        require_one_set_of_inputs(checkout)

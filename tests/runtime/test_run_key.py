import shutil

import pytest

from maskcon.parameters.errors import UserError
from maskcon.runtime.run_key import hash_of_inputs, hash_of_training
from tests.tracking.finished_checkout import parameters_with, write_text

CHANGED_INPUTS = {
    "a parameter": {"loss": {"w": 0.5}},
    "the seed": {"seed": 2},
    "a parameter of figures": {"figures": {"neighbours": 5}},
}
CHANGED_FILES = [
    "code/train.py",
    "code/methods/maskcon.py",
    "code/evaluate.py",
    "code/measures/knn.py",
    "coarse_labels/digits.csv",
]


def test_the_same_in_another_folder_with_other_outputs(checkout, tmp_path):
    elsewhere = shutil.copytree(checkout, tmp_path / "elsewhere")
    write_text(elsewhere / "metrics/retrieval_in_full.json", "{}")
    shutil.rmtree(elsewhere / "plots")
    write_text(elsewhere / "code/methods/__pycache__/maskcon.pyc", "bytes of this machine")

    assert hash_of_inputs(elsewhere, parameters_with()) == hash_of_inputs(checkout, parameters_with())


def test_how_a_run_is_recorded_is_no_input(checkout):
    before = hash_of_inputs(checkout, parameters_with())
    write_text(checkout / "code/track.py", "another way to record")

    assert hash_of_inputs(checkout, parameters_with(track={"live": False})) == before


@pytest.mark.parametrize("change", CHANGED_INPUTS.values(), ids=CHANGED_INPUTS)
def test_another_value_is_another_run(checkout, change):
    assert hash_of_inputs(checkout, parameters_with(**change)) != hash_of_inputs(checkout, parameters_with())


@pytest.mark.parametrize("file", CHANGED_FILES)
def test_another_file_is_another_run(checkout, file):
    before = hash_of_inputs(checkout, parameters_with())
    write_text(checkout / file, "changed")

    assert hash_of_inputs(checkout, parameters_with()) != before


def test_training_is_the_same_until_something_before_its_end_changes(checkout):
    before = hash_of_training(checkout, parameters_with())
    write_text(checkout / "code/evaluate.py", "changed")
    write_text(checkout / "code/measures/knn.py", "changed")
    assert hash_of_training(checkout, parameters_with(evaluate={"split": "val"})) == before
    assert hash_of_training(checkout, parameters_with(seed=2)) != before

    write_text(checkout / "code/coarse.py", "changed")
    assert hash_of_training(checkout, parameters_with()) != before


def test_a_missing_dependency_is_named(checkout):
    (checkout / "code/train.py").unlink()
    with pytest.raises(UserError, match=r"code/train\.py"):
        hash_of_inputs(checkout, parameters_with())


@pytest.mark.parametrize("text", ["stages: [", "", "stages: {a: {deps: [x]}}"])
def test_a_damaged_pipeline_file_is_named(checkout, text):
    write_text(checkout / "dvc.yaml", text)
    with pytest.raises(UserError, match=r"dvc\.yaml cannot be read"):
        hash_of_inputs(checkout, parameters_with())

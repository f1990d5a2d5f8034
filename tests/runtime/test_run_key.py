import shutil

import pytest

from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.run_key import hash_of_inputs, hash_of_training
from tests.tracking.finished_checkout import parameters_with


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


def test_training_is_the_same_until_something_before_its_end_changes(checkout):
    before = hash_of_training(checkout, parameters_with())
    write_text(checkout / "code/evaluate.py", "changed")
    write_text(checkout / "code/measures/knn.py", "changed")
    assert hash_of_training(checkout, parameters_with(evaluate={"split": "val"})) == before
    assert hash_of_training(checkout, parameters_with(seed=2)) != before

    write_text(checkout / "code/coarse.py", "changed")
    assert hash_of_training(checkout, parameters_with()) != before


def test_another_value_or_file_is_another_run(checkout):
    found = [hash_of_inputs(checkout, parameters_with())]
    for change in ({"loss": {"w": 0.5}}, {"seed": 2}, {"figures": {"neighbours": 5}}):
        found.append(hash_of_inputs(checkout, parameters_with(**change)))
    code = ("train.py", "methods/maskcon.py", "evaluate.py", "measures/knn.py", "../coarse_labels/digits.csv")
    for file in code:
        write_text(checkout / "code" / file, "changed")
        found.append(hash_of_inputs(checkout, parameters_with()))
    assert len(set(found)) == len(found)


@pytest.mark.fault
@pytest.mark.parametrize("text", ["stages: [", "", "stages: {a: {deps: [x]}}", None])
def test_a_damaged_pipeline_file_and_a_missing_dependency_are_named(checkout, text):
    if text is None:
        (checkout / "code/train.py").unlink()
    else:
        write_text(checkout / "dvc.yaml", text)
    with pytest.raises(UserError, match=r"dvc\.yaml cannot be read|code/train\.py"):
        hash_of_inputs(checkout, parameters_with())

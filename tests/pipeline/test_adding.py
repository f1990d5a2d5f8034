"""Adding a plug-in makes no recorded run another run, and deleting one is deleting its files."""

import subprocess
import sys
from pathlib import Path

import pytest

from maskcon.parameters.model import load_parameters
from maskcon.runtime.run_key import hash_of_inputs
from tests.support.pipeline_copies import copy_files

REPOSITORY = Path(__file__).resolve().parents[2]
PLUG_INS = {  # files of one plug-in -> files of a new one with the same content
    "maskcon/methods/grafit.py": "maskcon/methods/added.py",
    "conf/loss/grafit.yaml": "conf/loss/added.yaml",
    "maskcon/evaluation/measures/knn.py": "maskcon/evaluation/measures/added.py",
    "maskcon/encoders/backbones/small_conv.py": "maskcon/encoders/backbones/added.py",
    "conf/model/small_conv.yaml": "conf/model/added.yaml",
    "maskcon/images/sources/digits.py": "maskcon/images/sources/added.py",
    "conf/data/digits.yaml": "conf/data/added.yaml",
    "coarse_labels/digits.csv": "coarse_labels/added.csv",
}
EVERYTHING = """
import pkgutil, importlib, maskcon
for module in pkgutil.walk_packages(maskcon.__path__, "maskcon."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from pathlib import Path
from maskcon.parameters.reference import parameter_reference, with_methods
page = parameter_reference(Path("conf")) + with_methods(Path("README.md").read_text(), Path("conf"))
assert "loss=maskcon" in page and "BuCSFR:" not in page
"""


@pytest.fixture
def copy(tmp_path):
    copy_files(tmp_path)
    return tmp_path


def test_adding_makes_no_run_another_run(copy):
    parameters = load_parameters(copy / "params.yaml")
    before = hash_of_inputs(copy, parameters)
    for file, added in PLUG_INS.items():
        (copy / added).write_text((copy / file).read_text().replace("name: grafit", "name: added"))
    assert hash_of_inputs(copy, parameters) == before
    for used in ("maskcon/methods/maskcon.py", "maskcon/evaluation/measures/knn.py"):
        before = hash_of_inputs(copy, parameters)
        (copy / used).write_text("# another formula\n")
        assert hash_of_inputs(copy, parameters) != before


def test_deleting_a_method_is_deleting_its_files(copy):
    for file in copy.rglob("*bucsfr*"):
        file.unlink()
    subprocess.run([sys.executable, "-c", EVERYTHING], cwd=copy, check=True, env={"PYTHONPATH": str(copy)})

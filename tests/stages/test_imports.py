"""What a stage has loaded once it is imported: nothing that it does not use, as some of it takes seconds."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

WEIGHTY = {"torch", "torchvision", "pandas", "scipy", "sklearn", "matplotlib", "PIL", "mlflow", "dvc", "hydra"} | {
    "typst",
    "requests",
    "joblib",
}
USED = {  # of the weighty ones, at import; what only some runs need is loaded where they come to it
    "download": set(),
    "coarse": {"pandas"},
    "features": set(),
    "track": set(),
    "figures": {"torch", "pandas", "matplotlib", "PIL"},
    "gallery": {"torch", "pandas", "matplotlib", "PIL"},
    "pretrain": {"torch"},
    "embed": {"torch", "pandas"},
    "evaluate": {"torch", "pandas"},
    "measure": {"torch", "pandas"},
    # matplotlib and PIL find the fonts of figures; dvc and hydra compose what the parameters are compared with
    "report": {"torch", "pandas", "typst", "matplotlib", "PIL", "dvc", "hydra"},
}
# Each stage in a child of one process, which loads torch once, before the stages that may have it.
IMPORTS = """
import importlib, json, os, sys

def loaded_by(stage):
    reading, writing = os.pipe()
    if os.fork() == 0:
        importlib.import_module(f"stages.{stage}")
        os.write(writing, json.dumps(sorted({name.split(".")[0] for name in sys.modules})).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        return json.load(file)

without_torch, with_torch = json.loads(sys.argv[1])
loaded = {stage: loaded_by(stage) for stage in without_torch}
import torch
loaded |= {stage: loaded_by(stage) for stage in with_torch}
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def loaded(repository):
    with_torch = [stage for stage in USED if "torch" in USED[stage]]
    groups = [[stage for stage in USED if stage not in with_torch], with_torch]
    command = [sys.executable, "-c", IMPORTS, json.dumps(groups)]
    return json.loads(subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("stage", USED)
def test_a_stage_imports_what_it_uses(loaded, stage):
    assert set(loaded[stage]) & WEIGHTY == USED[stage]


def test_every_stage_is_looked_at(repository):
    assert {path.stem for path in (repository / "stages").glob("*.py")} - {"__init__"} == set(USED)

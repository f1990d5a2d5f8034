"""Stages that need no torch do not wait for it, nor for other libraries that take seconds to load."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

WEIGHTY = {"torch", "pandas", "scipy", "sklearn", "matplotlib", "PIL", "mlflow", "dvc", "hydra", "typst"}


@pytest.mark.parametrize(
    ("stage", "used"), [("download", set()), ("coarse", {"pandas"}), ("features", set()), ("track", set())]
)
def test_a_stage_imports_what_it_uses(repository, stage, used):
    code = f"import sys, stages.{stage}; print(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True)
    assert WEIGHTY & set(run.stdout.split()) == used

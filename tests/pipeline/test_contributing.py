"""What CONTRIBUTING.md shows is all that it takes: written into a copy, it trains, is measured and passes its tests."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pipeline_copies import copy_files

pytestmark = pytest.mark.slow

DOCUMENT = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text()
FILES = dict(re.findall(r"^\*\*`([^`]+)`\*\*\n\n```\w+\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL))
CHOICES = [
    *("data=stripes", "loss=near_keys", "+measure=tightness", "evaluate.measures=[tightness]", "train.epochs=1"),
    *("train.queue_size=256", "model.width=4", "track.live=false"),
]
STAGES = """
import runpy
for stage in ("download", "coarse", "pretrain", "embed", "evaluate", "measure"):
    runpy.run_module(f"stages.{stage}", run_name="__main__")
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    copy_files(folder)
    for name, text in FILES.items():
        assert not (folder / name).exists()
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    python(folder, "-m", "maskcon", "params")
    return folder


def python(folder: Path, *words: str) -> str:
    """What it prints; the copy's own code is what is imported."""
    environment = {"PYTHONPATH": str(folder), "PATH": str(Path(sys.executable).parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *words]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_every_block_is_a_file_and_every_file_that_is_named_is_there(copy):
    assert len(FILES) == DOCUMENT.count("\n```") // 2
    named = re.findall(r"`((?:maskcon|tests|conf|coarse_labels|docs|stages)/[\w/.]+\.\w+)`", DOCUMENT)
    assert [name for name in named if not (copy / name).exists()] == []
    python(copy, "-m", "ruff", "check", *(name for name in FILES if name.endswith(".py")))


def test_the_additions_pass_the_tests(copy):
    own = [name for name in FILES if name.startswith("tests/")]
    python(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *own, "tests/parameters", "tests/pipeline/test_rooms.py"
    )


def test_the_new_method_trains_on_the_new_set_and_the_new_measure_is_taken(copy):
    python(copy, "-m", "maskcon", "params", *CHOICES)
    assert "stripes/train: 400 images, 2 coarse and 4 fine classes" in python(copy, "-c", STAGES)
    assert 0 < json.loads((copy / "metrics/measures.json").read_text())["tightness"] <= 1

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
# **`path`** and then a block, or `values` of a preset
FOUND = re.findall(r"^\*\*`([^`]+)`\*\*(?:\n```\w+\n(.*?)^```| `([^`]+)`)$", DOCUMENT, re.MULTILINE | re.DOTALL)
FILES = {name: block or preset for name, block, preset in FOUND}
IMPORT, CALL = re.findall(r"`(from maskcon.figures.*|draw_.*)`(?: and|\.)", DOCUMENT)  # lines of stages/figures.py
CHOICES = [
    *("data=shades", "loss=near_keys", "model=one_layer", "+measure=tightness", "evaluate.measures=[tightness]"),
    *("train.epochs=1", "train.queue_size=256", "figures.tsne_images=60", "figures.tsne_perplexity=5"),
]
STAGES = """
import runpy
for stage in ("download", "coarse", "pretrain", "embed", "evaluate", "measure", "figures"):
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
    stage = folder / "stages/figures.py"
    code = stage.read_text().replace("from maskcon", f"{IMPORT}\nfrom maskcon", 1)
    stage.write_text(code.replace("    draw_training_curves", f"    {CALL}\n    draw_training_curves", 1))
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
    assert len(FILES) == DOCUMENT.count("\n**`")
    named = re.findall(r"`((?:maskcon|tests|conf|coarse_labels|docs|stages)/[\w/.]+\.\w+)`", DOCUMENT)
    assert [name for name in named if not (copy / name).exists()] == []
    python(copy, "-m", "ruff", "check", *(name for name in FILES if name.endswith(".py")))


def test_the_additions_pass_the_tests_of_rooms_and_parameters(copy):
    python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/parameters", "tests/pipeline/test_rooms.py")


def test_a_run_with_all_of_them(copy):
    python(copy, "-m", "maskcon", "params", *CHOICES)
    assert "shades/train: 400 images, 2 coarse and 4 fine classes" in python(copy, "-c", STAGES)
    assert 0 < json.loads((copy / "metrics/measures/tightness.json").read_text())["tightness"] <= 1
    assert (copy / "reports/figures/class_sizes.pdf").exists()

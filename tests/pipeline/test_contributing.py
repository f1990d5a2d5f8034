"""What CONTRIBUTING.md shows is all that it takes: applied to a copy, it trains, is measured and passes the tests."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.pipeline_copies import copy_files

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
PLACE = re.compile(
    r"^\*\*`(?P<file>[^`]+)`\*\*, (?P<how>new|before|after|in place of)\s*(?:`(?P<anchor>[^`]+)`)?.*?"
    r"^```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
OF_A_RUN = """
import runpy
for stage in ("download", "coarse", "pretrain", "embed", "evaluate"):
    runpy.run_module(f"stages.{stage}", run_name="__main__")
"""
SMALL = ["train.epochs=2", "train.warmup_epochs=1", "train.queue_size=256", "model.width=4", "track.live=false"]
CHECKED_BY = [
    "tests/pipeline/test_rooms.py",
    "tests/parameters/test_parameter_reference.py",
    "tests/parameters/test_parameters.py::test_every_method_has_a_preset",
    "tests/parameters/test_parameters.py::test_every_method_fits_every_data_set[shapes-one_neighbour]",
    "tests/report/test_report.py",
    "tests/evaluation/test_retrieval_metrics.py",
]


class Change(NamedTuple):
    """One block of the document: text that is a new file, or stands beside or in place of a line of one."""

    file: str
    how: str
    anchor: str | None
    text: str

    def apply(self, folder: Path) -> None:
        path = folder / self.file
        if self.how == "new":
            assert not path.exists(), f"{self.file} is there already"
            path.write_text(self.text)
            return
        text, line = path.read_text(), f"{self.anchor}\n"
        assert text.count(line) == 1, f"{self.file} does not have the line once: {self.anchor}"
        path.write_text(
            text.replace(line, {"before": self.text + line, "after": line + self.text}.get(self.how, self.text))
        )


def changes() -> list[Change]:
    return [Change(**found.groupdict()) for found in PLACE.finditer((REPOSITORY / "CONTRIBUTING.md").read_text())]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the checkout with all three additions and the commands after them."""
    folder = tmp_path_factory.mktemp("copy")
    copy_files(folder)
    for change in changes():
        change.apply(folder)
    python(folder, "-m", "maskcon", "params")
    return folder


def python(folder: Path, *words: str) -> str:
    run = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_every_block_of_code_is_placed():
    document = (REPOSITORY / "CONTRIBUTING.md").read_text()
    assert len(changes()) == len(re.findall(r"^```\w", document, re.MULTILINE)) > 10


def test_every_file_that_is_named_is_there():
    document = (REPOSITORY / "CONTRIBUTING.md").read_text()
    new = {change.file for change in changes() if change.how == "new"}
    named = set(re.findall(r"`((?:maskcon|tests|conf|coarse_labels|docs|stages)/[\w/.]+\.\w+)`", document)) - new
    assert len(named) > 5
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_the_additions_are_well_formed(copy):
    files = [change.file for change in changes() if change.file.endswith(".py")]
    python(copy, "-m", "ruff", "check", *files)
    python(copy, "-m", "ruff", "format", "--check", *files)


def test_the_additions_pass_the_tests(copy):
    own = [change.file for change in changes() if change.file.startswith("tests/")]
    passed = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *own, *CHECKED_BY)
    assert " failed" not in passed


def test_the_new_method_trains_on_the_new_set_and_the_new_metric_is_measured(copy):
    python(copy, "-m", "maskcon", "params", "data=shapes", "loss=one_neighbour", *SMALL)
    printed = python(copy, "-c", OF_A_RUN)
    assert "shapes/train: 1200 images, 3 coarse and 6 fine classes" in printed
    assert '"r_precision": 0.' in (copy / "metrics/retrieval.json").read_text()

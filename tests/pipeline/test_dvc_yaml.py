"""dvc.yaml lists the code of each stage, neither less (stale results) nor more (needless work)."""

from pathlib import Path

import pytest

from tests.pipeline.code_dependencies import (
    CannotFollow,
    code_dependencies,
    listed_code,
    read_pipeline,
    stage_modules,
    write_dependencies,
)

REPOSITORY = Path(__file__).resolve().parents[2]
PIPELINE = read_pipeline(REPOSITORY)
MEND = "mend it with: python -m tests.pipeline.code_dependencies --write"


@pytest.mark.parametrize("stage", PIPELINE["stages"])
def test_a_stage_lists_the_code_it_runs(stage):
    module = stage_modules(PIPELINE)[stage]
    wanted = set(code_dependencies(REPOSITORY, module))
    listed = set(listed_code(PIPELINE["stages"][stage]))

    assert not wanted - listed, f"stage {stage} imports what dvc.yaml does not list: {sorted(wanted - listed)}; {MEND}"
    assert not listed - wanted, f"stage {stage} lists what it does not import: {sorted(listed - wanted)}; {MEND}"


@pytest.mark.parametrize("stage", PIPELINE["stages"])
def test_no_file_of_code_is_empty(stage):
    """DVC warns of an empty dependency in every run."""
    code = [REPOSITORY / file for file in code_dependencies(REPOSITORY, stage_modules(PIPELINE)[stage])]
    empty = [str(file) for file in code if file.exists() and not file.read_text().strip()]
    assert not empty, f"give these a line that says what they hold: {empty}"


def test_measuring_and_drawing_do_not_stand_before_training():
    """Editing the recall code must not retrain."""
    later = ("recall", "neighbours", "intervals", "figures", "report", "mlflow", "record", "follower", "store")
    early = [dep for stage in ("download", "coarse", "pretrain") for dep in listed_code(PIPELINE["stages"][stage])]
    assert not [dep for dep in early if Path(dep).stem in later or Path(dep).parent.name in ("figures",)]


@pytest.fixture
def made_up(tmp_path):
    """A repository with each way of importing in it."""
    files = {
        "stages/__init__.py": "",
        "stages/train.py": "import numpy\nfrom maskcon.loop import run\nfrom maskcon import errors",
        "stages/draw.py": "import maskcon.figures.map",
        "maskcon/__init__.py": "",
        "maskcon/parameters/errors.py": "",
        "maskcon/loop.py": """
from typing import TYPE_CHECKING
import importlib
if TYPE_CHECKING:
    from maskcon import only_for_types
else:
    from . import at_run_time
def run(name):
    from maskcon.steps import step
    return importlib.import_module(f"maskcon.methods.{name}")
""",
        "maskcon/only_for_types.py": "",
        "maskcon/at_run_time.py": "from .errors import Oops",
        "maskcon/steps/__init__.py": "from maskcon.steps.schedule import cosine",
        "maskcon/steps/step.py": "from ..queue import Queue",
        "maskcon/steps/schedule.py": "",
        "maskcon/queue.py": "import maskcon.loop",
        "maskcon/methods/__init__.py": "",
        "maskcon/methods/parts/interface.py": "",
        "maskcon/methods/one.py": "from maskcon.methods.parts.interface import Method",
        "maskcon/methods/two.py": "from maskcon.methods.parts.targets import target",
        "maskcon/methods/without_preset.py": "from maskcon import never",
        "maskcon/methods/parts/targets.py": "",
        "maskcon/never.py": "",
        "maskcon/figures/__init__.py": "",
        "maskcon/figures/map.py": "import maskcon.figures",
        "conf/loss/one.yaml": "name: one",
        "conf/loss/two_paper.yaml": "name: two",
        "dvc.yaml": """\
# The pipeline
stages:
  train:
    desc: Train  # with care
    cmd: python -m stages.train
    params: [seed, loss]
    outs:
      - models
  draw:
    cmd: python -m stages.draw
    deps:
      - models
      - maskcon/loop.py
      - reports/style.txt
    outs: [pictures]
  shell:
    cmd: echo done
""",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


TRAIN = [
    "maskcon/__init__.py",
    "maskcon/at_run_time.py",
    "maskcon/parameters/errors.py",
    "maskcon/loop.py",
    "maskcon/methods/${loss.name}.py",
    "maskcon/methods/__init__.py",
    "maskcon/methods/parts/interface.py",
    "maskcon/queue.py",
    "maskcon/steps/__init__.py",
    "maskcon/steps/schedule.py",
    "maskcon/steps/step.py",
    "maskcon/methods/parts/targets.py",
    "stages/__init__.py",
    "stages/train.py",
]
DRAW = [
    "maskcon/__init__.py",
    "maskcon/figures/__init__.py",
    "maskcon/figures/map.py",
    "stages/__init__.py",
    "stages/draw.py",
]


def test_every_way_of_importing_is_followed(made_up):
    assert code_dependencies(made_up, "stages.train") == TRAIN
    assert code_dependencies(made_up, "stages.draw") == DRAW


def test_the_code_is_written_into_dvc_yaml_and_nothing_else_changes(made_up):
    write_dependencies(made_up)
    pipeline = read_pipeline(made_up)
    text = (made_up / "dvc.yaml").read_text()

    assert pipeline["stages"]["train"]["deps"] == TRAIN
    assert pipeline["stages"]["draw"]["deps"] == ["models", "reports/style.txt", *DRAW]
    assert pipeline["stages"]["shell"] == {"cmd": "echo done"}
    assert text.startswith("# The pipeline\nstages:\n  train:\n    desc: Train  # with care\n")
    assert "    params: [seed, loss]\n    deps:\n      - maskcon/__init__.py\n" in text

    write_dependencies(made_up)
    assert (made_up / "dvc.yaml").read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module\nimport_module(f'{name}.method')",
        "import importlib\nimportlib.import_module(f'maskcon.figures.{name}')",
        "import importlib\nimportlib.import_module('.' + name, 'maskcon')",
    ],
)
def test_what_cannot_be_followed_is_named(made_up, text):
    (made_up / "maskcon/queue.py").write_text(text)
    with pytest.raises(CannotFollow, match=r"maskcon/queue\.py"):
        code_dependencies(made_up, "stages.train")


def test_a_module_that_another_key_of_the_parameters_names(made_up):
    for name, text in {
        "maskcon/queue.py": "import importlib\nimportlib.import_module(f'maskcon.augmentation.{family}')",
        "maskcon/views/characters.py": "import maskcon.never",
        "conf/data/digits.yaml": "name: digits\naugmentation: characters",
    }.items():
        (made_up / name).parent.mkdir(exist_ok=True)
        (made_up / name).write_text(text)

    assert set(code_dependencies(made_up, "stages.train")) - set(TRAIN) == {
        "maskcon/augmentation/${data.augmentation}.py",
        "maskcon/never.py",
    }


def test_a_module_loaded_by_the_name_of_its_own_package(made_up):
    (made_up / "maskcon/loop.py").write_text("")
    (made_up / "maskcon/methods/__init__.py").write_text(
        "import importlib\nimportlib.import_module(f'{__package__}.{x}')"
    )
    (made_up / "stages/train.py").write_text("import maskcon.methods")

    assert "maskcon/methods/${loss.name}.py" in code_dependencies(made_up, "stages.train")
    assert "maskcon/methods/parts/targets.py" in code_dependencies(made_up, "stages.train")

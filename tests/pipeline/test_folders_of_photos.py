"""Every stage, in this process, on small folders of photos: with fine classes, with coarse ones alone, and with both.

That every published set is packed as its archive has it is what the tests of its reader say (tests/images); here photos
are trained on, measured, drawn, reported and recorded, with a tiny encoder.
"""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from maskcon.methods.parts.interface import build_method
from maskcon.parameters.data import DataParameters
from maskcon.parameters.model import check_parameters
from maskcon.report.paper import gather_facts, read_finished_run
from maskcon.runtime.interruption import Interruptions
from maskcon.tracking.store import find_store
from stages import coarse, download, embed, evaluate, figures, measure, pretrain, report, track
from tests.images.small_archives import REPOSITORY, preset
from tests.support.pipeline_copies import POINTING_ELSEWHERE

pytestmark = pytest.mark.slow

STAGES = (download, coarse, pretrain, embed, evaluate, measure, figures, report, track)
QUICK = {
    "train.epochs": 1,
    "train.warmup_epochs": 0,
    "train.batch_size": 8,
    "figures.queries_per_coarse_class": 1,
    "figures.neighbours": 3,
    "evaluate.linear": {"strengths": [1e-3]},
    "evaluate.few_shot": {"ways": 2, "shots": [1], "queries": 3, "episodes": 10, "all_way_episodes": 5},
}


def photographs(root: Path, counts: dict[str, int]) -> None:
    """JPEGs in folders, {folder: number}."""
    for place, (folder, number) in enumerate(counts.items()):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(number):
            shade = (40 * place % 256, 255 - 9 * index, 120)
            Image.new("RGB", (40 + index, 50), shade).save(root / folder / f"{index:02}.jpg")


def folder_preset(folder: Path, **changes: Any) -> DataParameters:
    return preset("folder", folder, raw=str(folder / "source"), **changes)


def of_folders(folder):
    """By part, coarse and fine class; a torn photo, a fine class of one photo, a coarse one never tested."""
    named = ("bird/wren", "bird/tit", "cat/lion")
    counts = {f"{split}/{classes}": 5 for split in ("train", "val", "test") for classes in named}
    photographs(folder / "source", counts | {"train/fish/carp": 4, "test/cat/lynx": 1})
    (folder / "source/train/bird/wren/torn.jpg").write_bytes(b"")
    return folder_preset(folder, on_bad_image="skip")


def of_coarse_folders(folder):
    photographs(folder / "source", {"bird": 20, "cat": 20})
    return folder_preset(folder, stored=None)


def of_a_table(folder):
    """Fine classes of some photos of the test part alone."""
    photographs(folder / "source", {"bird": 20, "cat": 20})
    paths = sorted(str(path.relative_to(folder / "source")) for path in (folder / "source").rglob("*.jpg"))
    table = pd.DataFrame(
        {"path": paths, "coarse": [path.split("/")[0] for path in paths], "fine": "", "split": "train"}
    )
    table.loc[table.index % 20 < 8, "split"] = "test"
    table.loc[table.index % 20 < 6, "fine"] = table["coarse"] + (table.index % 2).astype(str)
    table.to_csv(folder / "source/labels.csv", index=False)
    return folder_preset(folder)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> str:
    """One for all runs: to make it takes longer than to record a run."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/runs.db"


@pytest.fixture
def checkout(tmp_path, monkeypatch, store) -> Path:
    """The current folder: the code and presets of this checkout, and nothing made yet."""
    for name in ("maskcon", "stages", "conf", "coarse_labels", "dvc.yaml"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "reports").mkdir()
    shutil.copy(REPOSITORY / "reports/report.typ", tmp_path / "reports")
    for name in POINTING_ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("publish", "images", "fine", "measured"),
    [  # in train, val and test; fine classes in test; images that are measured
        (of_folders, ("19", "15", "16"), "4", 16),
        (of_coarse_folders, ("28", "4", "8"), "none", 8),
        (of_a_table, ("20", "4", "16"), "4", 12),
    ],
)
def test_through_every_stage(checkout, tiny_values, store, publish, images, fine, measured):
    data = publish(checkout)
    parameters = check_parameters(tiny_values(QUICK) | {"data": data.model_dump()})
    for stage in STAGES:
        stage.main(parameters, *([Interruptions({})] if stage is pretrain else []))

    run = read_finished_run(checkout, parameters)
    facts = gather_facts(run, build_method(parameters.loss), {}, [])["dataset"]
    assert facts["images"] == dict(zip(("train", "val", "test"), images, strict=True))
    assert facts["splits"][2]["fine"] == fine
    assert facts["left_out"]["images"] == ("1" if publish is of_folders else "0")
    assert run.retrieval["images"] == measured
    assert ("images_in_part" in run.retrieval) == (publish is of_a_table)
    assert ("recall_at_1" in run.retrieval, "view_retrieval" in run.retrieval) == (fine != "none", fine == "none")
    assert (checkout / "reports/report.pdf").read_bytes().startswith(b"%PDF")
    with find_store(checkout, {"MLFLOW_TRACKING_URI": store}).opened() as client:
        experiment = client.get_experiment_by_name(data.name)
        runs = client.search_runs([experiment.experiment_id])
    assert runs[0].data.tags["pipeline.complete"] == "true"

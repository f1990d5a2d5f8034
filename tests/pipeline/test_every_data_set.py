"""Every data set of the README's table through every stage, from small files in the set's own form.

Publishing a set in small is what the tests of its reader do; here it is trained on, measured, drawn, reported and
recorded, with a tiny encoder. What the report says of the set is compared with what was published.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from maskcon.images.packed.coarse_labels import read_coarse_table
from maskcon.images.reading import cifartoy
from maskcon.images.reading.ilsvrc_devkit_order import ILSVRC_INDEX
from maskcon.images.sources import cars196, cifar100, imagenet32
from maskcon.methods.parts.interface import build_method
from maskcon.parameters.model import DATA_SETS, DataParameters, check_parameters
from maskcon.report.paper import gather_facts, read_finished_run
from maskcon.runtime.interruption import Interruptions
from maskcon.tracking.store import find_store
from stages import coarse, download, embed, evaluate, figures, measure, pretrain, report, track
from tests.images import (
    test_cars196,
    test_cifar,
    test_fgvc_aircraft,
    test_imagenet32,
    test_inaturalist,
    test_oxford_pets,
    test_sop,
    test_tinyimagenet,
)
from tests.images.small_archives import REPOSITORY, count_by_coarse, preset, stand_in, write_files
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


@dataclass(frozen=True)
class Small:
    """A set published in small: how, and what the report must say of it."""

    publish: Callable[[Path, pytest.MonkeyPatch], DataParameters]
    images: tuple[int, int, int]  # train, val, test
    coarse: list[str]  # names, by coarse label
    fine: int | None  # classes in test
    left_out: tuple[str, list[str]] = ("0", [])  # images, and the photos and classes that are named


def names_in(table: str) -> list[str]:
    """The coarse classes of a table of the repository, by coarse label."""
    return list(count_by_coarse(table))


def of_scans(name: str, train: int) -> Callable:
    return lambda folder, patch: preset(name, folder, images={"train": train, "val": 60, "test": 60})


def of_cifar_100(folder, patch):
    test_cifar.write_cifar_100(folder / "source", tested=2)
    stand_in(patch, cifar100, "ARCHIVE", folder / "source")
    return preset("cifar100", folder, val_share=0.5)


def of_cifartoy(name: str) -> Callable:
    def publish(folder, patch):
        test_cifar.write_cifar_10(folder / "source")
        stand_in(patch, cifartoy, "ARCHIVE", folder / "source")
        return preset(name, folder)

    return publish


def one_class_of_each(name: str) -> list[int]:
    """The first fine class of every coarse class of a table of the repository."""
    return read_coarse_table(REPOSITORY / "coarse_labels" / f"{name}.csv").drop_duplicates("coarse")["fine"].tolist()


def of_imagenet32(folder, patch):
    labels = [ILSVRC_INDEX.index(fine) + 1 for fine in one_class_of_each("imagenet32")]
    trained = {f"train_data_batch_{number}": labels for number in range(1, 11)}
    write_files(folder / "source", test_imagenet32.batches(trained | {"val_data": labels * 2}))
    patch.setattr(imagenet32, "IMAGES", {"train": 120, "val": 24})
    return preset("imagenet32", folder, val_share=0.2)


def of_cars196(folder, patch):
    classes = [fine + 1 for fine in one_class_of_each("cars196")]
    files = test_cars196.challenge(classes * 2, classes[:3] * 4)
    write_files(folder / "source", files)
    write_files(folder / "checksums", {name: file for name, file in files.items() if "/" not in name})
    test_cars196.take_checksums(patch, folder / "checksums")
    patch.setattr(cars196, "PHOTOS", {"train": 16, "test": 12})
    return preset("cars196", folder, val_share=0.0)


def of_online_products(name: str, kept: list[str], val_share: float) -> Callable:
    def publish(folder, patch):
        test_sop.write_archive(folder, patch)
        return test_sop.small_preset(name, folder, kept, val_share=val_share)

    return publish


def of_tinyimagenet(folder, patch):
    test_tinyimagenet.write_archive(folder, patch, test_tinyimagenet.files_of_archive(test_tinyimagenet.TESTED * 2))
    return preset("tinyimagenet", folder, val_share=0.0)


def of_pets(folder, patch):
    test_oxford_pets.write_archives(folder, patch)
    return preset("oxford_pets", folder, val_share=0.25)


def of_aircraft(coarse_by: str) -> Callable:
    def publish(folder, patch):
        test_fgvc_aircraft.write_archive(folder, patch)
        return preset("fgvc_aircraft", folder, val_share=0.0, coarse_by=coarse_by)

    return publish


def of_inaturalist(folder, patch):
    test_inaturalist.write_archives(folder, patch)
    return preset("inaturalist", folder, val_share=0.25, coarse_by="class")


def photographs(root: Path, counts: dict[str, int]) -> None:
    """JPEGs in folders, {folder: number}."""
    for place, (folder, number) in enumerate(counts.items()):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(number):
            shade = (40 * place % 256, 255 - 9 * index, 120)
            Image.new("RGB", (40 + index, 50), shade).save(root / folder / f"{index:02}.jpg")


def folder_preset(folder: Path, **changes: Any) -> DataParameters:
    return preset("folder", folder, raw=str(folder / "source"), **changes)


def of_folders(folder, patch):
    """By part, coarse and fine class; a file that is no image, a fine class of one photo, a coarse one never tested."""
    counts = {
        f"{split}/{named}": 5 for split in ("train", "val", "test") for named in ("bird/wren", "bird/tit", "cat/lion")
    }
    photographs(folder / "source", counts | {"train/fish/carp": 4, "test/cat/lynx": 1})
    (folder / "source/train/bird/wren/torn.jpg").write_bytes(b"")
    return folder_preset(folder, on_bad_image="skip")


def of_coarse_folders(folder, patch):
    photographs(folder / "source", {"bird": 20, "cat": 20})
    return folder_preset(folder, stored=None)


def of_mapped_folders(folder, patch):
    photographs(folder / "source", {"train/wren": 6, "train/tit": 6, "train/lion": 6, "train/frog": 3})
    photographs(folder / "source", {"test/wren": 6, "test/tit": 6, "test/lion": 6, "test/frog": 2})
    (folder / "map.csv").write_text("fine_name,coarse_name\nwren,bird\ntit,bird\nlion,cat\nfrog,\n")
    return folder_preset(folder, coarse_map=str(folder / "map.csv"), val_share=0.0)


def of_labels_csv(folder, patch):
    photographs(folder / "source", {"": 40})
    rows = [
        {
            "path": f"{index:02}.jpg",
            "coarse": "ab"[index % 2],
            "fine": index % 4,
            "split": ("train", "test")[index < 16],
        }
        for index in range(40)
    ]
    pd.DataFrame(rows).to_csv(folder / "source/labels.csv", index=False)
    return folder_preset(folder)


SMALL = {
    "two_digits": Small(of_scans("two_digits", 120), (120, 60, 60), names_in("two_digits"), 60),
    "digits": Small(of_scans("digits", 120), (120, 60, 60), ["even", "odd"], 10),
    "cifar100": Small(of_cifar_100, (200, 200, 200), names_in("cifar100"), 100),
    "cifartoy_good": Small(of_cifartoy("cifartoy_good"), (64, 16, 16), ["vehicle", "animal"], 8),
    "cifartoy_bad": Small(of_cifartoy("cifartoy_bad"), (64, 16, 16), names_in("cifartoy_bad"), 8),
    "imagenet32": Small(of_imagenet32, (96, 24, 24), names_in("imagenet32"), 12),
    "cars196": Small(of_cars196, (16, 0, 12), names_in("cars196"), 3),
    "sop_split1": Small(
        of_online_products("sop_split1", test_sop.KEPT, 0.25), (32, 9, 43), ["bicycle", "chair", "fan"], 4
    ),
    "sop_split2": Small(
        of_online_products("sop_split2", ["11", "14", "21", "22"], 0.0), (40, 0, 8), ["bicycle", "chair", "fan"], 4
    ),
    "tinyimagenet": Small(of_tinyimagenet, (200, 0, 100), names_in("tinyimagenet"), 50),
    "oxford_pets": Small(of_pets, (8, 8, 8), ["cat", "dog"], 4),
    "fgvc_aircraft, manufacturer": Small(
        of_aircraft("manufacturer"), (20, 0, 20), ["Airbus", "Boeing", "McDonnell Douglas"], 5
    ),
    "fgvc_aircraft, family": Small(
        of_aircraft("family"), (20, 0, 20), ["A300", "Boeing 707", "Boeing 737", "F/A-18"], 5
    ),
    "inaturalist": Small(of_inaturalist, (8, 8, 8), ["Aves", "Insecta", "Liliopsida"], 4),
    "folder": Small(of_folders, (19, 15, 16), ["bird", "cat", "fish"], 4, ("1", ["train/bird/wren/torn.jpg"])),
    "folder, coarse classes alone": Small(of_coarse_folders, (28, 4, 8), ["bird", "cat"], None),
    "folder, fine classes and a table": Small(of_mapped_folders, (18, 0, 18), ["bird", "cat"], 3, ("5", ["frog"])),
    "folder, labels.csv": Small(of_labels_csv, (16, 8, 16), ["a", "b"], 4),
}


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


def test_there_is_a_small_one_of_every_set():
    assert {name.partition(",")[0] for name in SMALL} == set(DATA_SETS)


@pytest.mark.parametrize("name", SMALL)
def test_through_every_stage(checkout, monkeypatch, tiny_values, store, name):
    small = SMALL[name]
    data = small.publish(checkout, monkeypatch)
    parameters = check_parameters(tiny_values(QUICK) | {"data": data.model_dump()})
    for stage in STAGES:
        if stage is pretrain:
            stage.main(parameters, Interruptions({}))
        else:
            stage.main(parameters)

    run = read_finished_run(checkout, parameters)
    facts = gather_facts(run, build_method(parameters.loss), {}, [])["dataset"]
    train, val, test = map(str, small.images)
    assert facts["images"] == {"train": train, "val": val, "test": test}
    assert facts["evaluated_images"] == test
    assert facts["coarse_names"] == small.coarse
    assert facts["splits"][0]["coarse"] == str(len(small.coarse))
    assert facts["splits"][2]["fine"] == ("none" if small.fine is None else str(small.fine))
    assert (facts["left_out"]["images"], [one["source"] for one in facts["left_out"]["first"]]) == small.left_out

    retrieval = json.loads((checkout / "metrics/retrieval.json").read_text())
    assert retrieval["images"] == small.images[2]
    assert ("recall_at_1" in retrieval) == (small.fine is not None)
    assert json.loads((checkout / "metrics/measures.json").read_text())["images"] == small.images[2]
    assert (checkout / "reports/report.pdf").read_bytes().startswith(b"%PDF")
    with find_store(checkout, {"MLFLOW_TRACKING_URI": store}).opened() as client:
        experiment = client.get_experiment_by_name(data.name)
        runs = client.search_runs([experiment.experiment_id])
    assert runs[0].data.tags["pipeline.complete"] == "true"
    assert runs[0].data.params["data.name"] == data.name

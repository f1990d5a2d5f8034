"""What all tests stand on: the repository's own parameters, shrunk until a training takes a second.

values = tiny_values({"train.epochs": 2}, loss="coins")               # as params.yaml holds them
parameters = tiny_parameters({"train.epochs": 2}, loss="coins")       # checked
"""

import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from maskcon.images.packed.image_set import TrainingSet
from maskcon.images.reading.digit_scans import save_scans
from maskcon.parameters.model import Parameters, check_parameters
from maskcon.tracking.store import MLFLOW_SETTINGS, Store, find_store
from tests.tracking.finished_checkout import make_checkout

REPOSITORY = Path(__file__).resolve().parent.parent
POINTING_ELSEWHERE = ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", *MLFLOW_SETTINGS)

TINY = {
    "data.images": {"train": 80, "val": 110, "test": 120},
    "model.width": 4,
    "model.projector_hidden_size": 12,
    "model.projection_size": 8,
    "train.epochs": 3,
    "train.warmup_epochs": 1,
    "train.batch_size": 16,
    "train.queue_size": 64,
    "train.precision": "float32",
    "train.snapshot_epochs": 1,
    "train.checkpoint_seconds": None,
    "train.checkpoint_steps": 5,  # an epoch of the tiny set
    "evaluate.bootstrap_samples": 100,
    "figures.tsne_images": 60,
    "figures.tsne_perplexity": 5.0,
    "track.live": False,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that run the real pipeline take minutes: they come first, so that no worker is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("pipeline") is None)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # tests share their cores


@pytest.fixture(scope="session", autouse=True)
def _listens_to_ctrl_c() -> None:
    """A shell makes what it runs in the background ignore SIGINT, and so would all children of these tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


def values_for_tests(changes: Mapping[str, Any] | None = None, loss: str | None = None) -> dict[str, Any]:
    """The repository's values made small; ``changes`` by dotted key, and the name of a method, for its preset."""
    values = _read_yaml(REPOSITORY / "params.yaml")
    if loss is not None:
        values["loss"] = _read_yaml(REPOSITORY / "conf" / "loss" / f"{loss}.yaml")
        if "warmup_epochs" in values["loss"]:
            values["loss"]["warmup_epochs"] = 1
    for key, value in (TINY | dict(changes or {})).items():
        *groups, name = key.split(".")
        place = values
        for group in groups:
            place = place[group]
        assert name in place, f"{key} is not in params.yaml"
        place[name] = value
    return values


@pytest.fixture(scope="session")
def tiny_values() -> Callable[..., dict[str, Any]]:
    """A function of changes, dotted key -> value, and the name of a method, whose preset is taken from conf/loss."""
    return values_for_tests


@pytest.fixture(scope="session")
def tiny_parameters(tiny_values) -> Callable[..., Parameters]:
    """The same as ``tiny_values``, checked."""
    return lambda changes=None, loss=None: check_parameters(tiny_values(changes, loss))


def small_training_set() -> TrainingSet:
    """80 images of noise, 16 x 24 as the default set's; each of 3 coarse classes has a bright block at a height."""
    generator = np.random.default_rng(0)
    coarse = generator.permutation(np.arange(80) % 3)
    images = generator.integers(0, 80, (80, 16, 24, 1), dtype=np.uint8)
    for image, label in zip(images, coarse, strict=True):
        image[5 * label + 1 : 5 * label + 5, 4:20] += 150
    return TrainingSet(np.repeat(images, 3, axis=-1), coarse, ["zero", "one", "two"])


@pytest.fixture(scope="session")
def tiny_set() -> TrainingSet:
    return small_training_set()


@pytest.fixture(scope="session")
def scans_folder(tmp_path_factory) -> Path:
    """The scans of handwritten digits, as the download stage leaves them."""
    folder = tmp_path_factory.mktemp("scans")
    save_scans(folder)
    return folder


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """The folder as the stages before track leave it, with nothing in the environment that points elsewhere."""
    for name in POINTING_ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    return make_checkout(tmp_path / "checkout")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("empty_store")
    with find_store(root, {}).opened() as client:
        client.search_experiments()
    return root / "mlflow" / "mlflow.db"


@pytest.fixture
def store(checkout, empty_database) -> Store:
    """The store of ``checkout``: its tables made, no run in it."""
    store = find_store(checkout, {})
    store.folder.mkdir()
    shutil.copy(empty_database, store.folder)
    return store


def _read_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text())

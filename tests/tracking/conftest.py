"""Fixtures of the tests of tracking: a finished checkout, and an empty store made once."""

import shutil
from pathlib import Path

import pytest

from maskcon.tracking.store import MLFLOW_SETTINGS, Store, find_store
from tests.tracking.finished_checkout import make_checkout

POINTING_ELSEWHERE = ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", *MLFLOW_SETTINGS)


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

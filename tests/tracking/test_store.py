import contextlib
import os
import re
import sqlite3
from pathlib import Path

import pytest

from maskcon.tracking.store import StoreError, experiment_id, find_store


def one_line(store):
    """What goes wrong with it."""
    with pytest.raises(StoreError) as raised, store.opened() as client:
        client.search_experiments()
    return str(raised.value)


@pytest.mark.parametrize(
    ("named", "uri", "artifacts"),
    [
        (None, "sqlite:///{}/mlflow/mlflow.db", "file://{}/mlflow/artifacts"),
        ("http://tracking.example:5000", "http://tracking.example:5000", None),  # a server keeps the artifacts
        ("sqlite:///runs.db", "sqlite:///{}/runs.db", "file://{}/mlflow/artifacts"),  # not in a temporary experiment
        ("sqlite:////elsewhere/runs.db", "sqlite:////elsewhere/runs.db", "file://{}/mlflow/artifacts"),
    ],
)
def test_where_the_store_and_its_artifacts_lie(tmp_path, named, uri, artifacts):
    store = find_store(tmp_path, {"MLFLOW_TRACKING_URI": named} if named else {})
    assert (store.uri, store.artifacts) == (uri.format(tmp_path), artifacts and artifacts.format(tmp_path))


@pytest.mark.fault
def test_a_store_that_was_killed_while_it_was_made_is_made_again(checkout):
    store = find_store(checkout, {})
    store.folder.mkdir()
    for name in ("mlflow.db.unfinished", "mlflow.db.unfinished-journal"):
        (store.folder / name).write_bytes(b"half of a database")
    with store.opened() as client:
        assert client.get_experiment(experiment_id(store, client, "digits")).name == "digits"
    assert [path.name for path in store.folder.glob("*.db*")] == ["mlflow.db"]


@pytest.mark.fault
@pytest.mark.parametrize("name", ["a%20b", "a?b=1#c", 'it\'s "für" 名'])
def test_a_checkout_of_any_name_has_its_database_inside(tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)  # the place of MLflow's own experiment, by default
    store = find_store(tmp_path / name, {})
    with store.opened() as client:
        client.search_experiments()
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.db*")]
    assert files == [Path(name) / "mlflow/mlflow.db"]  # MLflow leaves an empty folder beside it


@pytest.mark.fault
def test_a_moved_checkout_keeps_its_runs_with_their_files(store, checkout, tmp_path):
    (checkout / "a.txt").write_text("a")
    with store.opened() as client:
        run = client.create_run(experiment_id(store, client, "digits"))
        client.log_artifact(run.info.run_id, str(checkout / "a.txt"))
    checkout.rename(tmp_path / "moved")
    moved = find_store(tmp_path / "moved", {})
    with moved.opened() as client:
        assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["a.txt"]
        assert client.get_experiment_by_name("digits").artifact_location == f"{moved.artifacts}/digits"


@pytest.mark.fault
@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        *((uri, "is not the address of a tracking store") for uri in ("runs", "file:///tmp/runs", "http://")),
        ("sqlite:///{}", "is a folder; name a file in it"),
    ],
)
def test_what_is_not_an_address_of_a_store_is_one_line(tmp_path, uri, problem):
    assert problem in one_line(find_store(tmp_path, {"MLFLOW_TRACKING_URI": uri.format(tmp_path)}))
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_is_made_once_with_its_artifacts_in_the_checkout(store, checkout):
    with store.opened() as client:
        first = experiment_id(store, client, "digits")
        assert experiment_id(store, client, "digits") == first
        assert client.get_experiment(first).artifact_location == f"{store.artifacts}/digits"


@pytest.mark.fault
def test_a_deleted_experiment_is_explained(store):
    with store.opened() as client:
        client.delete_experiment(experiment_id(store, client, "digits"))
    with pytest.raises(StoreError, match="experiments restore -x"), store.opened() as client:
        experiment_id(store, client, "digits")


def test_telemetry_is_off_unless_the_person_says_otherwise(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    with store.opened():
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "5"


@pytest.mark.fault
def test_a_damaged_database_is_one_line(store, capfd):
    (store.folder / "mlflow.db").write_bytes(b"not a database" * 1000)
    assert one_line(store) == f"the MLflow store {store.uri} does not work (file is not a database)"
    assert capfd.readouterr().err == ""


@pytest.mark.fault
def test_a_database_of_another_mlflow_says_so(store, capfd):
    with sqlite3.connect(store.folder / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    assert re.search("out-of-date database schema.*mlflow db upgrade", one_line(store))  # MLflow says what to do
    assert capfd.readouterr().err == ""


@pytest.mark.fault
def test_a_locked_database_is_one_line(store, capfd):
    """Somebody else holds the database; MLflow itself waits for seconds before it says so."""
    with contextlib.closing(sqlite3.connect(store.folder / "mlflow.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert one_line(store) == f"the MLflow store {store.uri} does not work (database is locked)"
    assert capfd.readouterr().err == ""


@pytest.mark.fault
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "mlflow").write_text("a file where the folder should be")
    assert "cannot be written" in one_line(find_store(tmp_path, {}))


@pytest.mark.fault
def test_a_fault_of_the_program_stays_a_fault(store):
    with pytest.raises(ZeroDivisionError), store.opened():
        raise ZeroDivisionError


@pytest.mark.fault
def test_a_run_has_one_writer(store):
    with store.writing("a" * 64, wait=0):
        with pytest.raises(StoreError, match="another process"), store.writing("a" * 64, wait=0):
            pass
        with store.writing("b" * 64, wait=0):
            pass
    with store.writing("a" * 64, wait=0):
        pass

"""Runs of a checkout's own store, copied to one that is shared."""

import os
from types import SimpleNamespace

import pytest

from maskcon.commands import upload as command
from maskcon.experiments.tables.runs import read_store, write_export
from maskcon.parameters.errors import UserError
from maskcon.tracking.record import Inputs, record_run
from maskcon.tracking.store import StoreError, find_store
from maskcon.tracking.upload import upload_runs
from tests.tracking.finished_checkout import REPOSITORY, parameters_with
from tests.tracking.recorded_runs import all_runs, assert_complete_without_doubles


@pytest.fixture
def recorded(checkout, store):
    """The checkout's own store, with three runs."""
    for seed in (1, 2, 3):
        record_run(store, Inputs.of(checkout, parameters_with(seed=seed)), checkout, {})
    return store


@pytest.fixture
def target(checkout, tmp_path, empty_database):
    (tmp_path / "shared.db").write_bytes(empty_database.read_bytes())
    return find_store(tmp_path / "elsewhere", {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/shared.db"})


@pytest.fixture
def upload(checkout, monkeypatch):
    """The command, typed in the checkout."""
    monkeypatch.chdir(checkout)

    def call(uri: str) -> None:
        command.main(SimpleNamespace(uri=uri))

    return call


def exported(store, folder):
    write_export(read_store(store, REPOSITORY / "conf"), folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def complete(store):
    return [run for run in all_runs(store) if "pipeline.complete" in run.data.tags]


def test_everything_is_copied_and_a_second_call_copies_nothing(recorded, target, tmp_path):
    assert [run.was_there for run in upload_runs(recorded, target)] == [False, False, False]
    copies = complete(target)
    assert len(copies) == 3
    for copy in copies:
        assert_complete_without_doubles(target, copy)
        [original] = [run for run in complete(recorded) if run.data.params == copy.data.params]
        assert copy.info.run_name == original.info.run_name
        assert (copy.info.start_time, copy.info.end_time) == (original.info.start_time, original.info.end_time)
        assert copy.data.metrics == original.data.metrics
        assert [data.dataset.digest for data in copy.inputs.dataset_inputs] == [
            data.dataset.digest for data in original.inputs.dataset_inputs
        ]
        report = f"#/experiments/{copy.info.experiment_id}/runs/{copy.info.run_id}/artifacts/reports/report.pdf"
        assert report in copy.data.tags["mlflow.note.content"]
        assert original.info.run_id not in copy.data.tags["mlflow.note.content"]
        with target.opened() as client:
            assert "report.pdf" in str(client.list_artifacts(copy.info.run_id, "reports"))
    assert exported(recorded, tmp_path / "a") == exported(target, tmp_path / "b")

    assert [run.was_there for run in upload_runs(recorded, target)] == [True, True, True]
    assert len(complete(target)) == 3


@pytest.mark.fault
def test_an_upload_cut_short_is_taken_up_again(recorded, target, monkeypatch):
    copied = upload_runs(recorded, target)
    next(copied)
    with monkeypatch.context() as broken:

        def no_room(*arguments, **more):
            raise OSError(28, "No space left on device")

        broken.setattr("mlflow.MlflowClient.log_artifacts", no_room)
        with pytest.raises(StoreError, match="No space left"):
            next(copied)
    assert sorted(run.was_there for run in upload_runs(recorded, target)) == [False, False, True]
    active = [run for run in all_runs(target) if "inputs.hash" in run.data.tags]
    assert len(active) == 3
    for run in active:
        assert_complete_without_doubles(target, run)


def test_the_command(recorded, target, upload, checkout, capsys):
    upload(target.uri)
    printed = capsys.readouterr().out
    assert f"3 runs copied to {target.uri}, 0 were there\n" in printed
    assert f"export MLFLOW_TRACKING_URI={target.uri}\n" in printed
    os.remove(checkout / "mlflow/mlflow.db")
    with pytest.raises(UserError, match="no runs of its own"):
        upload(target.uri)
    assert not (checkout / "mlflow/mlflow.db").exists()


@pytest.mark.fault
@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("{target.uri}", r"^nothing is recorded yet: .*; make one with: dvc repro$"),
        ("{store.uri}", "own store"),
        ("http://127.0.0.1:9", r"http://127\.0\.0\.1:9 does not work \(.*refused"),
        ("ftp://x", "^ftp://x is not the address of a tracking server; expected http"),
    ],
)
def test_what_cannot_be_copied_is_told(store, target, upload, monkeypatch, uri, problem):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match=problem):
        upload(uri.format(store=store, target=target))

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from mlflow import MlflowClient

from maskcon.parameters.composition import compose_parameters
from maskcon.parameters.flattened import flattened
from maskcon.runtime.atomic_files import write_table, write_text
from maskcon.tracking.record import Inputs, open_run, record_run, run_name
from maskcon.tracking.store import Store, StoreError, find_store
from tests.tracking.finished_checkout import CURVE, VALUES, parameters_with
from tests.tracking.recorded_runs import all_runs, assert_complete_without_doubles, history

REPOSITORY = Path(__file__).resolve().parents[2]


def record(store: Store, checkout: Path, environment=None, **changed):
    return record_run(store, Inputs.of(checkout, parameters_with(**changed)), checkout, environment or {})


def test_everything_is_recorded(store, checkout):
    environment = {"DVC_EXP_NAME": "tonal-yard", "DVC_EXP_BASELINE_REV": "0123abc"}
    recorded = record(store, checkout, environment)

    [run] = all_runs(store)
    assert recorded.run_id == run.info.run_id
    assert not recorded.was_complete
    assert run.info.run_name == "maskcon seed 1 w=1 T=0.1"
    assert_complete_without_doubles(store, run)
    assert run.data.params["loss.w"] == "1.0"
    assert run.data.params["model.weights"] == "none"
    assert run.data.params["data.images.train"] == "1000"
    assert len(run.data.params) == len(flattened(VALUES))
    assert run.data.tags["dvc.exp_names"] == "tonal-yard"
    assert run.data.tags["git.commit"] == run.data.tags["dvc.baseline_rev"] == "0123abc"
    assert run.data.tags["pretrain.device"] == "cpu"
    assert run.data.tags["version.python"]
    [data_set] = run.inputs.dataset_inputs
    assert (data_set.dataset.name, data_set.dataset.digest) == ("digits", "0123456789abcdef0123456789abcdef.dir")
    with store.opened() as client:
        assert client.get_experiment(run.info.experiment_id).name == "digits"
        kept = {
            f.path
            for folder in ("reports", "reports/figures", "metrics")
            for f in client.list_artifacts(run.info.run_id, folder)
        }
    assert {
        "reports/report.pdf",
        "reports/gallery.html",
        "reports/figures/embedding_map.png",
        "metrics/retrieval_in_full.json",
    } <= kept


def test_the_same_inputs_again_are_the_same_run(store, checkout):
    first = record(store, checkout, {"DVC_EXP_NAME": "tonal-yard"})
    second = record(store, checkout, {"DVC_EXP_NAME": "white-trug"})
    third = record(store, checkout)

    [run] = all_runs(store)
    assert first.run_id == second.run_id == third.run_id
    assert (second.was_complete, second.same_results) == (True, True)
    assert run.data.tags["dvc.exp_names"] == "tonal-yard, white-trug"
    assert_complete_without_doubles(store, run)


def test_other_results_of_the_same_inputs_are_noticed(store, checkout):
    record(store, checkout)
    write_text(checkout / "metrics/retrieval_in_full.json", '{"recall_at_1": 0.9}')

    assert not record(store, checkout).same_results
    [run] = all_runs(store)
    assert run.data.metrics["recall_at_1"] == 0.5


@pytest.mark.fault
def test_files_of_a_complete_run_that_were_deleted_are_put_back(store, checkout):
    run_id = record(store, checkout).run_id
    folder = checkout / "mlflow/artifacts/digits" / run_id / "artifacts"
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    shutil.rmtree(folder)
    record(store, checkout)
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before


@pytest.mark.fault
def test_a_run_deleted_in_mlflow_is_made_again(store, checkout):
    first = record(store, checkout)
    with store.opened() as client:
        client.delete_run(first.run_id)

    assert record(store, checkout).run_id != first.run_id
    assert len(all_runs(store)) == 1


CALLS = ["create_run", "log_batch", "log_artifact", "set_tag", "set_terminated"]


@pytest.mark.fault
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_anywhere_leaves_nothing_that_the_next_call_does_not_mend(store, checkout, monkeypatch, call, when):
    original = getattr(MlflowClient, call)

    def crash(*arguments, **options):
        if when == "after":
            original(*arguments, **options)
        raise ConnectionError("the server is gone")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, call, crash)
        with pytest.raises(StoreError, match="the server is gone"):
            record(store, checkout)
    record(store, checkout)

    [run] = all_runs(store)
    assert_complete_without_doubles(store, run)


@pytest.mark.fault
def test_a_loss_that_is_no_number_is_recorded_once(store, checkout):
    write_table(checkout / "plots/pretrain.csv", [{**CURVE[0], "loss": "nan"}, {**CURVE[1], "loss": "inf"}])
    record(store, checkout)
    [run] = all_runs(store)
    [(_, first), (_, second)] = history(store, run, "pretrain/loss")
    assert first != first
    assert second > 1e308


@pytest.mark.fault
def test_a_run_left_by_training_is_taken_over_when_later_code_was_mended(store, checkout):
    with store.opened() as client:
        left = open_run(store, client, Inputs.of(checkout, parameters_with()))
    write_text(checkout / "code/evaluate.py", "mended")
    recorded = record(store, checkout)

    assert recorded.run_id == left.info.run_id
    assert record(store, checkout).was_complete


@pytest.mark.fault
def test_a_run_is_not_taken_over_from_who_writes_it_nor_with_other_parameters(store, checkout):
    inputs = Inputs.of(checkout, parameters_with())
    with store.opened() as client:
        left = open_run(store, client, inputs)
    assert record(store, checkout, evaluate={"split": "val"}).run_id != left.info.run_id

    write_text(checkout / "code/evaluate.py", "mended")
    with store.writing(inputs.hash, wait=0):
        assert record(store, checkout).run_id != left.info.run_id


@pytest.mark.fault
@pytest.mark.slow
def test_four_processes_on_an_empty_store(checkout, tmp_path):
    script = textwrap.dedent(f"""\
        import os
        from pathlib import Path
        from tests.tracking.finished_checkout import parameters_with
        from maskcon.tracking.record import Inputs, record_run
        from maskcon.tracking.store import find_store
        here = Path({str(checkout)!r})
        inputs = Inputs.of(here, parameters_with(seed=int(os.environ["SEED"])))
        record_run(find_store(here, {{}}), inputs, here, {{"DVC_EXP_NAME": os.environ["NAME"]}})
        """)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script], env={**environment, "SEED": seed, "NAME": name}, stderr=subprocess.PIPE
        )
        for seed, name in [("1", "a"), ("1", "b"), ("2", "c"), ("3", "d")]
    ]
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()

    runs = all_runs(find_store(checkout, {}))
    assert {run.info.run_name: run.data.tags["dvc.exp_names"] for run in runs} == {
        "maskcon seed 1 w=1 T=0.1": "a, b",
        "maskcon seed 2 w=1 T=0.1": "c",
        "maskcon seed 3 w=1 T=0.1": "d",
    }
    assert len(runs) == 3
    for run in runs:
        assert_complete_without_doubles(find_store(checkout, {}), run)


def test_a_run_is_named_by_the_values_that_its_method_has():
    assert run_name(compose_parameters(REPOSITORY / "conf", ["loss=selfcon", "seed=7"])) == "selfcon seed 7"

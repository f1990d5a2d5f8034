"""The pipeline as people use it: every way of running it ends as exactly one complete run in the one store.

On the small digits set, two epochs. The tests build on one another, in the order of the file: they run together or not
at all.
"""

import re
import time

import pytest

from maskcon.tracking.store import Store, find_store
from tests.pipeline_copies import copy_checkout

pytestmark = pytest.mark.pipeline

STAGES = ["download", "coarse", "pretrain", "embed", "evaluate", "measure", "figures", "report", "track"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The pipeline after its first ``dvc repro``, with dvc.lock committed."""
    copy = copy_checkout(tmp_path_factory.mktemp("copy"))
    printed = copy.run("dvc", "repro")
    assert stages_run(printed) == STAGES
    assert surprising(printed) == []
    copy.commit("Results")
    yield copy
    copy.run("dvc", "queue", "stop", "--kill")


def stages_run(printed: str) -> list[str]:
    return [line.split("'")[1] for line in printed.splitlines() if line.startswith("Running stage ")]


BY_DVC = (
    r"Running stage '\w+':|> python -m stages\.\w+|(Generating|Updating) lock file 'dvc\.lock'|",
    r"To track the changes with git, run:|\tgit add .*|To enable auto staging, run:|\tdvc config .*|Use `dvc push` .*",
)
BY_US = (
    r"digits: source files in data/raw/digits",
    r"digits/(train|val|test): \d+ images, (2 coarse and 10 fine classes|\d+ features)",
    r"epoch +[12]/2  loss .* s left",
    r"test: 497 images, .*|  knn_fine_top_1: .*",
    r"reports/figures: .*|reports/report\.pdf",
    r"Recorded in MLflow: digits / selfcon seed 1",
)
PRINTED = re.compile("|".join([*BY_DVC, *BY_US]))


def surprising(printed: str) -> list[str]:
    """Lines that the pipeline need not print, such as the warnings of a library."""
    return [line for line in printed.splitlines() if not PRINTED.fullmatch(line)]


def complete_runs(store: Store) -> dict[str, dict]:
    """Run name -> its tags, after checks of what must hold for every run in the store."""
    with store.opened() as client:
        [experiment] = [one for one in client.search_experiments() if one.name == "digits"]
        runs = client.search_runs([experiment.experiment_id], max_results=1000)
        for run in runs:
            losses = client.get_metric_history(run.info.run_id, "pretrain/loss")
            assert [metric.step for metric in losses] == [1, 2]
            assert run.data.tags["pipeline.complete"] == "true"
            assert run.info.status == "FINISHED"
            assert run.data.metrics["recall_at_1"] > 0
            assert {"learning_rate", "images_per_second"} <= {name.split("/")[-1] for name in run.data.metrics}
            assert run.data.params["data.name"] == "digits"
            assert run.data.tags["dataset.digest"]
            assert client.list_artifacts(run.info.run_id, "reports/figures")
            assert client.list_artifacts(run.info.run_id, "reports/report.pdf") is not None
    names = [run.info.run_name for run in runs]
    assert len(set(names)) == len(names), f"doubled: {sorted(names)}"
    return {run.info.run_name: run.data.tags for run in runs}


def test_the_first_run_is_recorded_with_its_commit(copy):
    [(name, tags)] = complete_runs(find_store(copy.folder, {})).items()
    assert name == "selfcon seed 1"
    assert tags["git.commit"] == copy.run("git", "rev-parse", "HEAD~1").strip()
    assert tags["git.dirty"] == "false"


def test_the_second_repro_runs_nothing_but_track(copy):
    assert stages_run(copy.run("dvc", "repro")) == ["track"]
    assert len(complete_runs(find_store(copy.folder, {}))) == 1


def test_an_experiment_in_the_workspace(copy):
    copy.run("dvc", "exp", "run", "-S", "seed=2", "-n", "in-workspace")
    tags = complete_runs(find_store(copy.folder, {}))["selfcon seed 2"]
    assert tags["dvc.exp_names"] == "in-workspace"
    assert tags["git.commit"] == tags["dvc.baseline_rev"] == copy.run("git", "rev-parse", "HEAD").strip()
    assert tags["git.dirty"] == "false"


def test_an_experiment_in_a_temporary_folder(copy):
    copy.run("dvc", "exp", "run", "--temp", "-S", "seed=3", "-n", "in-temp")
    assert complete_runs(find_store(copy.folder, {}))["selfcon seed 3"]["dvc.exp_names"] == "in-temp"


def test_the_same_inputs_from_the_cache_are_the_same_run(copy):
    printed = copy.run("dvc", "exp", "run", "--temp", "-S", "seed=2", "-n", "again")
    assert stages_run(printed) == ["track"]
    assert complete_runs(find_store(copy.folder, {}))["selfcon seed 2"]["dvc.exp_names"] == "again, in-workspace"


def test_a_run_made_only_of_cached_stages_is_recorded_in_a_new_store(copy, tmp_path):
    uri = f"sqlite:///{tmp_path}/runs.db"
    printed = copy.run("dvc", "exp", "run", "--temp", "-S", "seed=2", "-n", "once-more", MLFLOW_TRACKING_URI=uri)
    assert stages_run(printed) == ["track"]
    assert list(complete_runs(find_store(copy.folder, {"MLFLOW_TRACKING_URI": uri}))) == ["selfcon seed 2"]


def test_queued_experiments_with_two_workers(copy):
    copy.run("dvc", "exp", "run", "--queue", "-S", "seed=4,5,6")
    copy.run("dvc", "queue", "start", "-j", "2")
    end = time.monotonic() + 240
    while (status := copy.run("dvc", "queue", "status")).count("Success") < 3:
        assert "Failed" not in status, status
        assert time.monotonic() < end, status
        time.sleep(2)
    assert {f"selfcon seed {seed}" for seed in (4, 5, 6)} <= set(complete_runs(find_store(copy.folder, {})))


def test_evaluation_parameters_do_not_retrain(copy):
    printed = copy.run("dvc", "exp", "run", "-S", "evaluate.bootstrap_samples=200")
    assert "pretrain" not in stages_run(printed)
    assert "embed" not in stages_run(printed)
    assert "evaluate" in stages_run(printed)
    copy.run("git", "checkout", "-q", "params.yaml")


def test_figure_parameters_do_not_embed(copy):
    printed = copy.run("dvc", "exp", "run", "-S", "figures.neighbours=5")
    assert stages_run(printed)[-3:] == ["figures", "report", "track"]
    assert "embed" not in stages_run(printed)


def test_a_fresh_clone_makes_the_same_run(copy, tmp_path):
    copy.run("git", "checkout", "-q", ".")
    copy.run("dvc", "repro")
    before = complete_runs_by_inputs(copy)
    copy.run("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = type(copy)(tmp_path / "clone")
    printed = clone.run("dvc", "repro", MLFLOW_TRACKING_URI=find_store(copy.folder, {}).uri)

    assert "pretrain" in stages_run(printed)
    assert complete_runs_by_inputs(copy) == before
    for metrics in ("retrieval.json", "retrieval_in_full.json"):  # same parameters, same machine: bit for bit
        assert (clone.folder / "metrics" / metrics).read_bytes() == (copy.folder / "metrics" / metrics).read_bytes()


def complete_runs_by_inputs(copy) -> set[str]:
    store = find_store(copy.folder, {})
    with store.opened() as client:
        experiment = client.get_experiment_by_name("digits")
        runs = client.search_runs([experiment.experiment_id], max_results=1000)
    return {run.data.tags["inputs.hash"] for run in runs if run.data.tags.get("pipeline.complete") == "true"}

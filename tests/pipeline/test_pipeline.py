"""The pipeline as people use it: every way of running it ends as exactly one complete run in the one store.

On the small digits set, two epochs. The tests build on one another, in the order of the file.
"""

import json
import re
import time
from pathlib import Path

import pandas as pd
import pytest

from maskcon.tracking.store import Store, find_store
from tests.support.pipeline_copies import PipelineCopy, copy_checkout

pytestmark = pytest.mark.pipeline

STAGES = [
    *("download", "coarse", "features", "pretrain", "embed", "evaluate"),
    *(f"measure@{name}" for name in ("knn", "linear", "few_shot", "discovery")),
    *("figures", "gallery", "report", "track"),
]
NETWORK_GUARD = Path(__file__).resolve().parents[1] / "support/network_guard"
OUTPUTS = ("data", "features", "models", "embeddings", "metrics", "plots", "reports")
# All that a run prints; other lines, such as a library's warnings, are a fault.
BY_DVC = (
    r"Running stage '[\w@]+':|> python -m stages\.\w+( \w+)?|(Generating|Updating) lock file 'dvc\.lock'|",
    r"To track the changes with git, run:|\tgit add .*|To enable auto staging, run:|\tdvc config .*|Use `dvc push` .*",
)
BY_US = (
    r"digits: source files in data/raw/digits",
    r"digits/(train|val|test): \d+ images, (2 coarse and 10 fine classes|\d+ features)",
    r"epoch +[12]/2  loss .* s left",
    r"test: 497 images, .*|\w+: trained \d+\.\d%, .*",
    r"training lost: .*",  # in two epochs
    r"reports/figures: .*|reports/report\.pdf|reports/gallery\.html: 60 of 497 images",
    r"Recorded in MLflow: digits / selfcon seed 1|code of .*",
)
PRINTED = re.compile("|".join([*BY_DVC, *BY_US]))


@pytest.fixture(scope="module")
def guard(tmp_path_factory) -> dict[str, str]:
    """An environment in which Python refuses to reach the network, and logs that it was asked to."""
    log = tmp_path_factory.mktemp("network") / "log"
    log.touch()
    return {"PYTHONPATH": str(NETWORK_GUARD), "NETWORK_LOG": str(log)}


@pytest.fixture(scope="module")
def copy(tmp_path_factory, guard):
    """The pipeline after its first ``dvc repro``, without network, and with dvc.lock committed.

    Each run says whose code it is: the environment has that of this checkout installed as well.
    """
    copy = copy_checkout(tmp_path_factory.mktemp("copy"))
    with open(copy.folder / "maskcon/tracking/__init__.py", "a") as file:
        file.write('\nprint("code of", __file__)\n')
    copy.commit("Whose code")
    printed = copy.run("dvc", "repro", **guard)
    assert stages_run(printed) == STAGES
    assert [line for line in printed.splitlines() if not PRINTED.fullmatch(line)] == []
    copy.commit("Results")
    yield copy
    copy.run("dvc", "queue", "stop", "--kill")


def stages_run(printed: str) -> list[str]:
    return [line.split("'")[1] for line in printed.splitlines() if line.startswith("Running stage ")]


def complete_runs(store: Store) -> dict[str, dict]:
    """Run name -> its tags; of runs that differ in later stages alone, which have one name, the oldest."""
    return {tags["mlflow.runName"]: tags for tags in tags_of_runs(store)}


def tags_of_runs(store: Store) -> list[dict]:
    """Newest first, after checks of what must hold for every run in the store."""
    with store.opened() as client:
        [experiment] = [one for one in client.search_experiments() if one.name == "digits"]
        runs = client.search_runs([experiment.experiment_id], max_results=1000)
        for run in runs:
            losses = client.get_metric_history(run.info.run_id, "pretrain/loss")
            assert [metric.step for metric in losses] == [1, 2]
            assert (run.data.tags["pipeline.complete"], run.info.status) == ("true", "FINISHED")
            assert run.data.metrics["recall_at_1"] > 0
            assert run.data.params["data.name"] == "digits"
            assert client.list_artifacts(run.info.run_id, "reports/figures")
    hashes = [run.data.tags["inputs.hash"] for run in runs]
    assert len(set(hashes)) == len(hashes), f"doubled: {sorted(run.info.run_name for run in runs)}"
    return [run.data.tags for run in runs]


def inputs_on_record(copy: PipelineCopy) -> set[str]:
    return {tags["inputs.hash"] for tags in tags_of_runs(find_store(copy.folder, {}))}


def test_the_first_run_is_recorded_with_its_commit(copy):
    [(name, tags)] = complete_runs(find_store(copy.folder, {})).items()
    assert name == "selfcon seed 1"
    assert tags["git.commit"] == copy.run("git", "rev-parse", "HEAD~1").strip()
    assert tags["git.dirty"] == "false"


@pytest.mark.fault
def test_the_pipeline_asks_nothing_of_the_network(copy, guard):
    assert Path(guard["NETWORK_LOG"]).read_text() == ""
    copy.run("sh", "-c", "! python -c 'import socket; socket.gethostbyname(\"example.org\")' 2>/dev/null", **guard)
    assert "example.org" in Path(guard["NETWORK_LOG"]).read_text()  # the guard was awake


def test_the_second_repro_runs_nothing_but_track(copy):
    printed = copy.run("dvc", "repro")
    assert stages_run(printed) == ["track"]
    assert f"code of {copy.folder}/maskcon/tracking/__init__.py" in printed
    assert len(complete_runs(find_store(copy.folder, {}))) == 1


def test_an_experiment_in_a_temporary_folder_runs_its_own_code(copy):
    printed = copy.run("dvc", "exp", "run", "--temp", "-S", "seed=3", "-n", "in-temp")
    assert f"code of {copy.folder}/.dvc/tmp/exps/" in printed
    assert complete_runs(find_store(copy.folder, {}))["selfcon seed 3"]["dvc.exp_names"] == "in-temp"


@pytest.mark.slow
def test_an_experiment_in_the_workspace(copy):
    copy.run("dvc", "exp", "run", "-S", "seed=2", "-n", "in-workspace")
    tags = complete_runs(find_store(copy.folder, {}))["selfcon seed 2"]
    assert tags["dvc.exp_names"] == "in-workspace"
    assert tags["git.commit"] == tags["dvc.baseline_rev"] == copy.run("git", "rev-parse", "HEAD").strip()
    assert tags["git.dirty"] == "false"


@pytest.mark.slow
def test_the_same_inputs_from_the_cache_are_the_same_run_and_another_in_a_new_store(copy, tmp_path):
    printed = copy.run("dvc", "exp", "run", "--temp", "-S", "seed=2", "-n", "again")
    assert stages_run(printed) == ["track"]
    assert complete_runs(find_store(copy.folder, {}))["selfcon seed 2"]["dvc.exp_names"] == "again, in-workspace"

    uri = f"sqlite:///{tmp_path}/runs.db"
    printed = copy.run("dvc", "exp", "run", "--temp", "-S", "seed=2", "-n", "once-more", MLFLOW_TRACKING_URI=uri)
    assert stages_run(printed) == ["track"]
    assert list(complete_runs(find_store(copy.folder, {"MLFLOW_TRACKING_URI": uri}))) == ["selfcon seed 2"]


@pytest.mark.slow
def test_queued_experiments_with_two_workers(copy):
    copy.run("dvc", "exp", "run", "--queue", "-S", "seed=4,5")
    copy.run("dvc", "queue", "start", "-j", "2")
    end = time.monotonic() + 1800  # a busy machine is slow
    while (status := copy.run("dvc", "queue", "status")).count("Success") < 2:
        assert "Failed" not in status, status
        assert time.monotonic() < end, status
        time.sleep(2)
    assert {f"selfcon seed {seed}" for seed in (4, 5)} <= set(complete_runs(find_store(copy.folder, {})))


@pytest.mark.slow
def test_experiments_are_shown_in_80_columns(copy):
    shown = copy.run("make", "-o", "environment", "experiments")  # the environment is the one that runs the tests
    assert max(map(len, shown.splitlines())) <= 80
    assert {"recall_at_1", "loss.name", "seed"} <= set(shown.split())
    assert "[in-workspace]" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "first"), [("evaluate.bootstrap_samples=200", "evaluate"), ("figures.neighbours=5", "figures")]
)
def test_a_later_value_reruns_later_stages_alone(copy, change, first):
    printed = copy.run("dvc", "exp", "run", "-S", change)
    assert stages_run(printed)[0] == first
    copy.run("git", "checkout", "-q", "params.yaml")


@pytest.mark.slow
def test_a_fresh_clone_makes_the_same_run(copy, tmp_path):
    copy.run("git", "checkout", "-q", ".")
    copy.run("dvc", "repro")
    before = inputs_on_record(copy)
    copy.run("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = PipelineCopy(tmp_path / "clone")
    printed = clone.run("dvc", "repro", MLFLOW_TRACKING_URI=find_store(copy.folder, {}).uri)

    assert "pretrain" in stages_run(printed)
    assert inputs_on_record(copy) == before
    assert_same_outputs(copy, clone)


@pytest.mark.slow
def test_a_clone_takes_over_from_a_remote(copy, tmp_path):
    """There the pipeline has nothing to do but to record."""
    copy.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    copy.run("dvc", "push")
    copy.commit("A remote")
    copy.run("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = PipelineCopy(tmp_path / "clone")
    clone.run("dvc", "pull")
    assert stages_run(clone.run("dvc", "repro")) == ["track"]
    assert_same_outputs(copy, clone)


def assert_same_outputs(one: PipelineCopy, other: PipelineCopy) -> None:
    """Same parameters, same machine, other folder: the same bytes in every output, but for timings."""
    files = [
        {path.relative_to(folder): path for name in OUTPUTS for path in sorted((folder / name).rglob("*"))}
        for folder in (one.folder, other.folder)
    ]
    names = [name for name, path in files[0].items() if path.is_file()]
    assert len(names) > 40
    assert [name for name, path in files[1].items() if path.is_file()] == names
    timed = [Path("metrics/pretrain.json"), Path("plots/pretrain.csv"), Path("reports/report.pdf")]
    differing = [name for name in names if files[0][name].read_bytes() != files[1][name].read_bytes()]
    assert [name for name in differing if name not in timed] == []

    summaries = [json.loads(of[timed[0]].read_text()) for of in files]
    assert all(summary.pop("timing") for summary in summaries)
    assert summaries[0] == summaries[1]
    curves = [pd.read_csv(of[timed[1]]).drop(columns=["seconds", "images_per_second"]) for of in files]
    pd.testing.assert_frame_equal(*curves, check_exact=True)

    (other.folder / timed[0]).write_bytes((one.folder / timed[0]).read_bytes())  # the report prints the timings
    reports = []
    for checkout in (one, other):
        checkout.run("python", "-m", "stages.report")
        reports.append((checkout.folder / "reports/report.pdf").read_bytes())
    assert reports[0] == reports[1]

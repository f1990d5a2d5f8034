"""The pipeline as people use it: every way of running it ends as exactly one complete run in the one store.

On the small digits set, two epochs. The tests build on one another, in the order of the file: they run together or not
at all.
"""

import json
import re
import subprocess
import time
from pathlib import Path
from secrets import token_hex

import pandas as pd
import pytest

from maskcon.tracking.store import Store, find_store
from tests.support.pipeline_copies import copy_checkout

pytestmark = pytest.mark.pipeline

STAGES = ["download", "coarse", "pretrain", "embed", "evaluate", "measure", "figures", "report", "track"]


NETWORK_GUARD = Path(__file__).resolve().parents[1] / "support/network_guard"
OUTPUTS = ("data", "models", "embeddings", "metrics", "plots", "reports/figures")


@pytest.fixture(scope="module")
def network_log(tmp_path_factory) -> Path:
    """What the first run tried to reach on the network."""
    log = tmp_path_factory.mktemp("network") / "log"
    log.touch()
    return log


@pytest.fixture(scope="module")
def copy(tmp_path_factory, network_log):
    """The pipeline after its first ``dvc repro``, with networking cut off, and with dvc.lock committed."""
    copy = copy_checkout(tmp_path_factory.mktemp("copy"))
    guarded = {"PYTHONPATH": str(NETWORK_GUARD), "NETWORK_LOG": str(network_log)}
    printed = copy.run(*without_network(), "dvc", "repro", **guarded)
    assert stages_run(printed) == STAGES
    assert surprising(printed) == []
    copy.commit("Results")
    yield copy
    copy.run("dvc", "queue", "stop", "--kill")


def without_network() -> list[str]:
    """How to start a program in a network of its own, with nothing in it, where this machine permits that."""
    alone = ["unshare", "--map-root-user", "--net"]
    try:
        permitted = subprocess.run([*alone, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        permitted = False
    if not permitted:
        print("no network of its own here: attempts are refused by Python alone")
    return alone if permitted else []


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


@pytest.mark.usefixtures("copy")
def test_the_pipeline_asks_nothing_of_the_network(network_log):
    assert network_log.read_text() == ""


def test_what_the_network_guard_refuses(tmp_path, copy):
    """The guard is awake: a name looked up and a connection made, also by a process that another one starts."""
    log = tmp_path / "log"
    program = "import socket\nfor call in ({calls}):\n    try: call()\n    except OSError: print('refused')"
    calls = "lambda: socket.create_connection(('127.0.0.1', 9)), lambda: socket.gethostbyname('example.org')"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program.format(calls=calls)!r}])"
    printed = copy.run("python", "-c", child, PYTHONPATH=str(NETWORK_GUARD), NETWORK_LOG=str(log))
    assert printed.count("refused") == 2
    assert "example.org" in log.read_text()


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
    copy.run("dvc", "exp", "run", "--queue", "-S", "seed=4,5")
    copy.run("dvc", "queue", "start", "-j", "2")
    end = time.monotonic() + 600
    while (status := copy.run("dvc", "queue", "status")).count("Success") < 2:
        assert "Failed" not in status, status
        assert time.monotonic() < end, status
        time.sleep(2)
    assert {f"selfcon seed {seed}" for seed in (4, 5)} <= set(complete_runs(find_store(copy.folder, {})))


def test_experiments_are_shown_in_80_columns(copy):
    shown = copy.run("make", "-o", "environment", "experiments")  # the environment is the one that runs the tests
    assert max(map(len, shown.splitlines())) <= 80
    assert {"recall_at_1", "loss.name", "seed"} <= set(shown.split())
    assert "[in-workspace]" in shown


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
    assert_same_outputs(copy, clone)


def test_a_fresh_clone_pulls_from_a_remote_and_makes_nothing_anew(copy, tmp_path):
    copy.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    assert_taken_over_by_a_clone(copy, tmp_path / "clone")


def test_the_same_with_a_remote_that_speaks_s3(copy, tmp_path):
    """Its credentials are in the environment; in the repository there are none."""
    pytest.importorskip("dvc_s3", reason="pip install -r requirements-sharing.txt was not run")
    moto = pytest.importorskip("moto.server", reason="pip install -r requirements-sharing.txt was not run")
    boto3 = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    secrets = {"AWS_ACCESS_KEY_ID": token_hex(8), "AWS_SECRET_ACCESS_KEY": token_hex(16)}
    credentials = {name.lower(): secret for name, secret in secrets.items()}
    try:
        client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **credentials)
        client.create_bucket(Bucket="runs")
        copy.run("dvc", "remote", "add", "--default", "--force", "shared", "s3://runs/maskcon")
        copy.run("dvc", "remote", "modify", "shared", "endpointurl", address)
        assert_taken_over_by_a_clone(copy, tmp_path / "clone", **secrets)
        assert client.list_objects_v2(Bucket="runs", Prefix="maskcon/")["KeyCount"] > 0
    finally:
        server.stop()
    for secret in secrets.values():
        copy.run("sh", "-c", f"! git grep --quiet {secret} HEAD")
        assert secret not in "".join(path.read_text() for path in (copy.folder / ".dvc").glob("config*"))


def assert_taken_over_by_a_clone(copy, folder: Path, **environment: str) -> None:
    """Pushed here and pulled there: the pipeline there has nothing to do but to record."""
    copy.run("dvc", "push", **environment)
    copy.commit(f"A remote for {folder}")
    copy.run("git", "clone", "-q", ".", str(folder))
    clone = type(copy)(folder)
    clone.run("dvc", "pull", **environment)
    assert stages_run(clone.run("dvc", "repro", **environment)) == ["track"]
    assert_same_outputs(copy, clone)


def assert_same_outputs(one, other) -> None:
    """Same parameters, same machine, other folder: the same bytes in every output, but for timings."""
    files = [
        {path.relative_to(folder): path for name in OUTPUTS for path in sorted((folder / name).rglob("*"))}
        for folder in (one.folder, other.folder)
    ]
    names = [name for name, path in files[0].items() if path.is_file()]
    assert len(names) > 40
    assert [name for name, path in files[1].items() if path.is_file()] == names
    timed = [Path("metrics/pretrain.json"), Path("plots/pretrain.csv")]
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


def complete_runs_by_inputs(copy) -> set[str]:
    store = find_store(copy.folder, {})
    with store.opened() as client:
        experiment = client.get_experiment_by_name("digits")
        runs = client.search_runs([experiment.experiment_id], max_results=1000)
    return {run.data.tags["inputs.hash"] for run in runs if run.data.tags.get("pipeline.complete") == "true"}

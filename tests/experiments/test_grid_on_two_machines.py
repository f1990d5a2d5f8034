"""Two machines run one grid against one MLflow server; one dies over its second run, and the other takes that over.

A machine is a clone in a folder of its own, with checkpoints, DVC's lock and temporary folders of its own; DVC's cache
is shared. The script that docs/sharing.md has for Slurm makes and starts it, as one job of the array.
"""

import contextlib
import csv
import re
import statistics
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from ruamel.yaml import YAML

from maskcon.experiments.grid.claims import TAG
from maskcon.tracking.store import find_store
from tests.support.mlflow_server import POSTGRESQL_IS_THERE, running_server
from tests.support.pipeline_copies import REPOSITORY, PipelineCopy, copy_checkout, environment_of_a_copy
from tests.tracking.recorded_runs import all_runs

pytestmark = [pytest.mark.pipeline, *POSTGRESQL_IS_THERE]
PATIENCE = 600  # seconds; a machine that is free needs a tenth
LEASE = "20"  # seconds; much longer than a renewal may be late

GRID = """
settings: [data=digits, "evaluate.measures=[]", train.epochs=1, train.warmup_epochs=0]
datasets:
  digits: {seeds: [1, 2, 3]}
methods:
  supcon: {values: [{temperature: 0.2}]}
"""
ENDED = re.compile(r"\[\d/3\] (digits supcon .*): recall_at_1")


def script_of_the_page(uri: str) -> str:
    """The batch script of docs/sharing.md, for this test's grid and server."""
    page = (REPOSITORY / "docs/sharing.md").read_text()
    [script] = re.findall(r"^    #!/bin/bash\n(?:    .*\n|\n)+", page, re.MULTILINE)
    script = textwrap.dedent(script)
    for old, new in {"https://runs.example.org": uri, "NAME.yaml": f"small.yaml --lease {LEASE}"}.items():
        assert script.count(old) == 1
        script = script.replace(old, new)
    return script


class Machine:
    """A job of the array that runs the grid, in processes that end together when the machine dies."""

    def __init__(self, submitted_from: Path, number: int, uri: str):
        self.folder = Path(f"{submitted_from}-{number}")
        self.output = submitted_from.parent / f"slurm-{number}.out"
        slurm = {"SLURM_SUBMIT_DIR": str(submitted_from), "SLURM_ARRAY_TASK_ID": str(number)}
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                ["bash", "-c", script_of_the_page(uri)],
                cwd=submitted_from,
                env=environment_of_a_copy() | slurm,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def printed(self) -> str:
        return self.output.read_text()

    @property
    def has_ended(self) -> list[str]:
        """Labels of the runs that it has run, and not another."""
        return ENDED.findall(self.printed)

    @property
    def is_training(self) -> bool:
        """True while a run of it trains."""
        logs = (self.folder / "grids/logs/small").glob("*.log")
        stages = [re.findall("Running stage '(.*)'", log.read_text()) for log in logs]
        return "pretrain" in [of_run[-1] for of_run in stages if of_run]

    def die(self) -> None:
        """Without a word, and with everything that it had begun."""
        grid = psutil.Process(self.process.pid)
        for process in [grid, *grid.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("artifacts")) as server:
        yield server


@pytest.fixture
def store(server, tmp_path):
    return find_store(tmp_path, {"MLFLOW_TRACKING_URI": server.uri})


@pytest.fixture
def checkout(tmp_path):
    """Where jobs are submitted from: the grid is committed, the environment is that of these tests."""
    copy = copy_checkout(tmp_path / "checkout")
    (copy.folder / "grids/small.yaml").write_text(GRID)
    leave_out(copy, "figures", "report")
    copy.commit("A grid")
    (copy.folder / ".venv").symlink_to(sys.prefix)
    return copy


def leave_out(copy: PipelineCopy, *stages: str) -> None:
    """Take stages from dvc.yaml that the record can do without, to save their time."""
    path, yaml = copy.folder / "dvc.yaml", YAML()
    pipeline = yaml.load(path)
    made = [out for stage in stages for out in pipeline["stages"].pop(stage)["outs"]]
    track = pipeline["stages"]["track"]
    track["deps"] = [dep for dep in track["deps"] if dep not in made]
    yaml.dump(pipeline, path)


def test_what_a_machine_that_died_was_running_is_run_by_the_other(checkout, server, store, tmp_path):
    machines = []
    try:
        machines += [Machine(checkout.folder, number, server.uri) for number in (1, 2)]
        dead = wait_for(lambda: next((one for one in machines if one.has_ended and one.is_training), None), machines)
        wait_for(lambda: len(all_runs(store)) == 3, machines)  # its second run is on the server, with live curves
        dead.die()
        [alive] = [machine for machine in machines if machine is not dead]
        assert alive.process.wait(PATIENCE) == 0, alive.printed
    finally:
        for machine in machines:
            if machine.process.poll() is None:
                machine.die()

    assert "3 of 3 runs are complete" in alive.printed
    assert (len(dead.has_ended), len(alive.has_ended)) == (1, 2)
    assert sorted(dead.has_ended + alive.has_ended) == [
        f"digits supcon temperature=0.2 seed {seed} on test" for seed in (1, 2, 3)
    ]
    assert_complete(store)
    assert_a_third_machine_makes_the_table(checkout, tmp_path / "third", store)


def wait_for(what, machines):
    """What it answers, once that is true; while all machines run."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if answer := what():
            return answer
        for machine in machines:
            assert machine.process.poll() in (None, 0), machine.printed
        time.sleep(0.2)
    raise AssertionError("\n".join(machine.printed for machine in machines))


def assert_complete(store) -> None:
    """Each run of the grid is there once, and nobody's claim is left."""
    runs = all_runs(store)
    assert sorted(run.data.params["seed"] for run in runs) == ["1", "2", "3"]
    with store.opened() as client:
        for run in runs:
            assert (run.info.status, run.data.tags["pipeline.complete"]) == ("FINISHED", "true")
            assert [point.step for point in client.get_metric_history(run.info.run_id, "pretrain/loss")] == [1]
            assert client.list_artifacts(run.info.run_id, "metrics")
        tags = client.get_experiment_by_name("digits").tags
    assert [name for name in tags if name.startswith(TAG)] == []


def assert_a_third_machine_makes_the_table(checkout, folder: Path, store) -> None:
    checkout.run("git", "clone", "-q", ".", str(folder))
    words = ("python", "-m", "maskcon", "tables", "--grid", "small", "--metric", "recall_at_1")
    PipelineCopy(folder).run(*words, timeout=PATIENCE, MLFLOW_TRACKING_URI=store.uri)
    with open(folder / "reports/tables/digits.csv") as file:
        [row] = [one for one in csv.DictReader(file) if one["method"] == "supcon"]
    scores = [run.data.metrics["recall_at_1"] for run in all_runs(store)]
    assert row["n"] == "3"
    assert float(row["mean"]) == pytest.approx(statistics.mean(scores))
    assert float(row["sd"]) == pytest.approx(statistics.stdev(scores))

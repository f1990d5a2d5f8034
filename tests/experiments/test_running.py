"""A grid from first to last, with a record and workers that are made up: what is run, skipped, listed, run again."""

import json
from pathlib import Path

import pytest
from filelock import FileLock

from maskcon.experiments.grid import running
from maskcon.experiments.grid.grid_file import read_grid
from maskcon.experiments.grid.running import preview, run_grid
from maskcon.parameters.errors import UserError

GRID = """
datasets:
  small: {settings: [data=digits], seeds: [1, 2]}
choose: {metric: recall_at_1, seed: 0}
methods:
  grafit: {values: [{w: 0.2}, {w: 0.8}]}
  coins: {values: [{w: 0.3}, {w: 0.5}]}
"""


class Record:
    """What the store has, by label."""

    def __init__(self):
        self.runs, self.marked, self.unmarked = {}, set(), None

    def __call__(self, store, checkout, grid):
        self.checkout, self.grid = checkout, grid
        return self

    def parameters(self, trial):
        if trial.values.get("w") == "no number":
            raise UserError("loss.w is no number")
        return self

    def model_dump(self, mode):
        return {"track": {"live": True}}

    def hashes(self, trial):
        return {"inputs": f"{hash(trial.label) % 2**64:064x}", "features": "digits"}

    def complete(self, trials, mark=False):
        there = {trial: self.runs[trial.label] for trial in trials if trial.label in self.runs}
        self.marked |= {trial.label for trial in there if mark}
        return there

    def unmark_others(self, trials):
        self.unmarked = [trial.label for trial in trials]


@pytest.fixture
def record(monkeypatch):
    record = Record()
    monkeypatch.setattr(running, "GridRecord", record)
    return record


@pytest.fixture
def ran(record, monkeypatch):
    """The names of experiments that were run; those of ``ran.failing`` fail, those of ``ran.unrecorded`` end well
    without coming on record, the rest are recorded."""

    class Ran(list):
        failing: frozenset = frozenset()
        unrecorded: frozenset = frozenset()

    ran = Ran()

    def run_experiments(experiments, engine, made):
        for one in experiments:
            ran.append(one.name)
            one.log.parent.mkdir(parents=True, exist_ok=True)
            one.log.write_text("Running stage\nno good\n")
            good = one.name not in ran.failing
            if good and one.name not in ran.unrecorded:
                record.runs[experiments[one].label] = {"recall_at_1": 0.9 if "w=0.8" in one.name else 0.5}
            yield one, good, 60.0

    monkeypatch.setattr(running, "run_experiments", run_experiments)
    return ran


@pytest.fixture
def call(tmp_path):
    """Run the grid; what it said is in ``call.said``."""
    (tmp_path / "mine.yaml").write_text(GRID)

    def call(**options):
        call.said = []
        return run_grid(read_grid(tmp_path / "mine.yaml"), None, tmp_path, None, call.said.append, **options)

    return call


def test_all_of_it(call, ran, record):
    outcome = call()
    assert (outcome.complete, outcome.wanted, outcome.failed) == (8, 8, {})
    assert outcome.chosen == {("small", "grafit"): {"w": 0.8}, ("small", "coins"): {"w": 0.3}}
    assert len(ran) == 8
    assert sorted(record.marked) == sorted(record.unmarked) == sorted(record.runs)
    assert "[1/8] small grafit w=0.2 seed 0 on val: recall_at_1 50.0%, 60 s" in call.said
    ran.clear()
    assert call().complete == 8
    assert ran == []  # what is on record is not run again


@pytest.mark.fault
def test_a_run_that_ends_well_without_coming_on_record_is_listed_with_the_reason(call, ran):
    ran.unrecorded = frozenset({"small-coins-w=0.5-seed-0-on-val"})
    assert set(call().failed) == {"small coins w=0.5 seed 0 on val"}
    assert any("no complete run has its inputs" in line for line in call.said)


@pytest.mark.fault
def test_what_failed_is_listed_and_can_be_run_alone(call, ran, tmp_path):
    ran.failing = frozenset({"small-coins-w=0.3-seed-0-on-val", "small-grafit-w=0.8-seed-2-on-test"})
    outcome = call()
    assert (outcome.complete, outcome.wanted) == (4, 8)  # nothing of coins is scored: its values are not all known
    assert set(outcome.failed) == {"small coins w=0.3 seed 0 on val", "small grafit w=0.8 seed 2 on test"}
    assert all("no good" in Path(log).read_text() for log in outcome.failed.values())
    assert "not chosen on small for coins: not all of its values are measured" in call.said

    ran.clear()
    ran.failing = frozenset()
    call(only_failed=True)
    assert ran == ["small-coins-w=0.3-seed-0-on-val", "small-grafit-w=0.8-seed-2-on-test"]
    assert json.loads((tmp_path / "grids/logs/mine/failed.json").read_text()) == {}
    ran.clear()
    assert call().complete == 8
    assert len(ran) == 2  # the seeds of coins


@pytest.mark.fault
def test_a_value_that_is_not_allowed_is_told_before_anything_runs(call, ran, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        GRID.replace("w: 0.2", "w: no number, temperature: 1").replace("w: 0.5", "w: no number")
    )
    with pytest.raises(
        UserError, match=r"^small grafit w=no number temperature=1 seed 0 on val and 1 more: loss\.w is"
    ):
        call()
    assert ran == []


@pytest.mark.fault
def test_two_at_once_are_refused(call, ran, tmp_path):
    (tmp_path / "grids/logs").mkdir(parents=True)
    with FileLock(tmp_path / "grids/logs/mine.lock"), pytest.raises(UserError, match="another process"):
        call()


def test_the_plain_commands(call, ran, record, tmp_path):
    grid = read_grid(tmp_path / "mine.yaml")
    lines = list(preview(grid, None, tmp_path))
    assert lines[0] == "# mine: 0 of 8 runs are complete"
    assert lines[1] == (
        "dvc exp run --queue -S data=digits -S loss=grafit -S loss.w=0.2 -S seed=0 -S evaluate.split=val"
        "  # small grafit w=0.2 seed 0 on val"
    )
    assert lines[-1] == "# then 4 runs on test, with the values that these choose"
    call()
    assert list(preview(grid, None, tmp_path)) == ["# mine: 8 of 8 runs are complete"]

"""A grid from first to last, with a record and workers that are made up: what is run, skipped, listed, run again."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from maskcon.experiments.grid import running
from maskcon.experiments.grid.grid_file import read_grid
from maskcon.experiments.grid.on_record import NoPhotos
from maskcon.experiments.grid.running import preview, run_grid
from maskcon.experiments.grid.workers import Finished
from maskcon.parameters.errors import UserError
from maskcon.tracking.store import StoreError

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
        self.runs, self.marked, self.unmarked = {}, {}, None

    def __call__(self, store, checkout, grid):
        return self

    def parameters(self, trial):
        if trial.values.get("w") == "no number":
            raise UserError("loss.w is no number")
        return self

    @property
    def data(self):
        return self

    def model_dump_json(self):
        return "digits"

    def inputs_hash(self, trial):
        return f"{hash(trial.label) % 2**64:064x}"

    @property
    def name(self):
        return "digits"

    def complete(self, trials):
        return {trial: self.runs[trial.label] for trial in trials if trial.label in self.runs}

    def mark(self, trial, tried):
        self.marked[trial.label] = tried

    def unmark_others(self, trials):
        self.unmarked = [trial.label for trial in trials]


@pytest.fixture
def record(monkeypatch):
    record = Record()
    monkeypatch.setattr(running, "GridRecord", record)
    return record


@pytest.fixture
def ran(record, monkeypatch):
    """The names of experiments that workers were given; those of ``ran.failing`` fail, the rest are recorded."""

    class Ran(list):
        failing: frozenset = frozenset()
        unrecorded: frozenset = frozenset()  # that end well, the first time, while the store is gone

        def meanwhile(self, experiment):
            """What happens elsewhere while an experiment runs."""

    ran = Ran()

    def run_experiments(experiments, workers, checkout, packed, may_begin):
        for one in experiments:
            if not may_begin(one):
                continue
            ran.append(one.name)
            ran.meanwhile(one)
            one.log.parent.mkdir(parents=True, exist_ok=True)
            one.log.write_text("Running stage\nno good\n")
            good = one.name not in ran.failing
            if good and one.name not in ran.unrecorded:
                record.runs[experiments[one].label] = {"recall_at_1": 0.9 if "w=0.8" in one.name else 0.5}
            ran.unrecorded = ran.unrecorded - {one.name}
            yield Finished(one, good, 60.0)

    monkeypatch.setattr(running, "run_experiments", run_experiments)
    return ran


@pytest.fixture
def call(tmp_path):
    """Run the grid; what it said is in ``call.said``."""
    (tmp_path / "mine.yaml").write_text(GRID)

    def call(**options):
        call.said = []
        return run_grid(read_grid(tmp_path / "mine.yaml"), call.store, tmp_path, 2, call.said.append, **options)

    call.store = SimpleNamespace(is_shared=False)
    return call


def test_all_of_it(call, ran, record):
    outcome = call()
    assert (outcome.complete, outcome.wanted, outcome.failed) == (8, 8, {})
    assert outcome.chosen == {("small", "grafit"): {"w": 0.8}, ("small", "coins"): {"w": 0.3}}
    assert len(ran) == 8
    assert record.marked["small grafit w=0.8 seed 2 on test"] == [{"w": 0.2}, {"w": 0.8}]
    assert sorted(record.unmarked) == sorted(record.runs)
    assert "[1/8] small grafit w=0.2 seed 0 on val: recall_at_1 0.500, 60 s; about 4 min left" in call.said


def test_what_is_on_record_is_not_run_again(call, ran):
    call()
    ran.clear()
    assert call().complete == 8
    assert ran == []


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


def test_a_value_that_is_not_allowed_is_told_before_anything_runs(call, ran, tmp_path):
    (tmp_path / "mine.yaml").write_text(GRID.replace("w: 0.5", "w: no number"))
    with pytest.raises(UserError, match=r"small coins w=no number seed 0 on val: loss\.w is no number"):
        call()
    (tmp_path / "mine.yaml").write_text(
        GRID.replace("w: 0.2", "w: no number, temperature: 1").replace("w: 0.5", "w: no number")
    )
    with pytest.raises(
        UserError, match=r"^small grafit w=no number temperature=1 seed 0 on val and 1 more: loss\.w is"
    ):
        call()
    assert ran == []


def test_two_at_once_are_refused(call, ran, tmp_path):
    grid = read_grid(tmp_path / "mine.yaml")
    with running._alone(tmp_path / "grids/logs/mine.lock", grid), pytest.raises(UserError, match="another process"):
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


def test_the_commands_without_the_photos(call, record, monkeypatch, tmp_path):
    def no_photos(trials):
        if trials:
            raise NoPhotos("data.root=photos is no folder")
        return {}

    monkeypatch.setattr(record, "complete", no_photos)
    remark, other_remark, count, *commands, last = preview(read_grid(tmp_path / "mine.yaml"), None, tmp_path)
    assert remark == "# data.root=photos is no folder"
    assert "not known which runs are complete" in other_remark
    assert count == "# mine: 0 of 8 runs are complete"
    assert len(commands) == 4
    assert last.startswith("# then 4 runs on test")


class SharedClaims:
    """Claims of a shared store that is made up; ``others`` hold what another machine runs."""

    def __init__(self):
        self.others, self.mine, self.gone = set(), set(), 0

    def __call__(self, store, lease):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        assert not self.mine

    def take(self, experiment, inputs_hash):
        if self.gone:
            self.gone -= 1
            raise StoreError("the server does not answer")
        if inputs_hash not in self.others:
            self.mine.add(inputs_hash)
        return inputs_hash in self.mine

    def held_by_another(self, experiment, inputs_hash):
        return inputs_hash in self.others

    def give_back(self, inputs_hash):
        self.mine.discard(inputs_hash)


@pytest.fixture
def claims(call, monkeypatch):
    claims = SharedClaims()
    monkeypatch.setattr(running, "Claims", claims)
    monkeypatch.setattr(running, "LOOK_SECONDS", 0)
    call.store = SimpleNamespace(is_shared=True)
    return claims


def trials_of(call, tmp_path):
    grid = read_grid(tmp_path / "mine.yaml")
    return {trial.label: trial for trial in running.trials_to_choose(grid)}


def test_what_another_machine_runs_is_waited_for_and_not_run(call, ran, record, claims, tmp_path):
    other = trials_of(call, tmp_path)["small grafit w=0.8 seed 0 on val"]
    claims.others.add(record.inputs_hash(other))

    def look(experiment, inputs_hash):  # it ends there at the second look
        claims.held_by_another = lambda experiment, inputs_hash: ended()
        return True

    def ended():
        record.runs[other.label] = {"recall_at_1": 0.9}
        claims.others.clear()
        return True

    claims.held_by_another = look
    outcome = call()
    assert (outcome.complete, outcome.failed) == (8, {})
    assert "small-grafit-w=0.8-seed-0-on-val" not in ran
    assert len(ran) == 7
    assert "waiting for 1 run that is at work on other machines" in call.said


def test_what_another_machine_gives_up_is_run_here(call, ran, record, claims, tmp_path):
    other = trials_of(call, tmp_path)["small coins w=0.5 seed 0 on val"]
    claims.others.add(record.inputs_hash(other))
    claims.held_by_another = lambda experiment, inputs_hash: claims.others.clear()
    assert call().complete == 8
    assert len(ran) == len(set(ran)) == 8


def test_what_another_machine_completes_before_it_begins_here_is_passed_over(call, ran, record, claims):
    label, name = "small coins w=0.5 seed 0 on val", "small-coins-w=0.5-seed-0-on-val"
    ran.meanwhile = lambda experiment: record.runs.setdefault(label, {"recall_at_1": 0.5})
    assert call().complete == 8
    assert name not in ran


def test_a_run_that_ends_while_the_store_is_gone_is_recorded_by_a_second_call_of_it(call, ran):
    name = "small-coins-w=0.5-seed-0-on-val"
    ran.unrecorded = frozenset({name})
    outcome = call()
    assert (outcome.complete, outcome.failed) == (8, {})
    assert ran.count(name) == 2  # the second finds all stages in DVC's cache


def test_a_shared_store_that_is_gone_is_waited_for(call, ran, claims):
    claims.gone = 2
    assert call().complete == 8
    assert [line for line in call.said if "waiting for the store" in line] == [
        "waiting for the store: the server does not answer"
    ]


def test_a_shared_store_that_stays_away_ends_the_grid(call, ran, claims, monkeypatch):
    monkeypatch.setattr(running, "PATIENCE_SECONDS", 0)
    claims.gone = 100
    with pytest.raises(StoreError, match="does not answer"):
        call()

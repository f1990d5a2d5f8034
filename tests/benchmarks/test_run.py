"""What the runner does with a case: passes over, measures, and keeps in a file."""

import json
import sys

from benchmarks import run
from benchmarks.contest import Case, Contest, NotMeasured


def case(prepare, name="some_case", **changes):
    return Case(name, "some work", "someone", prepare, rounds=3, **changes)


def contest(difference):
    return Contest(lambda: None, lambda: None, lambda: difference, allowed=0.5)


def test_rows_of_other_cases_stay_in_the_file(tmp_path, monkeypatch, capsys):
    def prepare():
        raise NotMeasured("there is no such processor")

    cases = [case(lambda: contest(0)), case(prepare, "skipped"), case(lambda: contest(1), "other")]
    monkeypatch.setattr(run, "all_cases", lambda: cases)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(run, "commit", lambda: "abc")
    for arguments in (["--only", "other", "skipped"], ["--only", "some_case", "--rounds", "2"]):
        monkeypatch.setattr(sys, "argv", ["run", *arguments])
        run.main()
    rows = [json.loads(line) for line in (tmp_path / "bench.jsonl").read_text().splitlines()]
    assert [(row["case"], row["status"]) for row in rows] == [
        *(("some_case", "measured"), ("skipped", "skipped"), ("other", "differs"))
    ]
    assert rows[0]["rounds"] == 2
    table = (tmp_path / "bench.md").read_text()
    assert table.count("\n| some work | someone | ") == 3
    assert "there is no such processor" in table
    assert "no ratio" in capsys.readouterr().out


def test_every_case_has_a_name_of_its_own_and_one_of_them_runs():
    cases = {case.name: case for case in run.all_cases()}
    assert len(cases) == len(run.all_cases()) > 5
    assert run.measure(cases["view_pair"], rounds=1)["status"] == "measured"

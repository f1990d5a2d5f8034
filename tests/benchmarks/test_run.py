"""What the runner does with a case: refuses, passes over, measures, and keeps in a file."""

import json
import sys

import pytest
import torch

from benchmarks import run
from benchmarks.case import Case, Contest, NotMeasured
from benchmarks.table import as_markdown


def contest(difference, calls=None):
    calls = [] if calls is None else calls
    return Contest(lambda: calls.append("ours"), lambda: calls.append("peer"), lambda: difference, allowed=0.5)


def case(prepare, **changes):
    return Case("some_case", "some work", "someone", prepare, rounds=3, **changes)


def test_same_results_are_timed():
    row = run.measure(case(lambda: contest(0.5), wanted=2.0, threads=1, packages=("pillow", "nothing-of-this-name")))
    assert row["status"] == "measured"
    assert row["rounds"] == 3
    assert row["ratio_p10"] <= row["ratio_median"] <= row["ratio_p90"]
    assert row["ours_seconds"] > 0
    assert row["versions"]["nothing-of-this-name"] == "not installed"
    assert (row["threads"], row["wanted"], row["difference"]) == (1, 2.0, 0.5)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("difference", [0.51, float("nan")])
def test_there_is_no_ratio_where_results_differ(difference):
    calls = []
    row = run.measure(case(lambda: contest(difference, calls)))
    assert row["status"] == "differs"
    assert calls == []
    assert "no ratio" in as_markdown([row])


def test_what_cannot_be_measured_is_passed_over_with_its_reason():
    def prepare():
        raise NotMeasured("there is no such processor")

    row = run.measure(case(prepare))
    assert row["status"] == "skipped"
    assert "there is no such processor" in as_markdown([row])


def test_rows_of_other_cases_stay_in_the_file(tmp_path, monkeypatch, capsys):
    cases = [case(lambda: contest(0)), Case("other", "other work", "someone", lambda: contest(1))]
    monkeypatch.setattr(run, "all_cases", lambda: cases)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(run, "commit", lambda: "abc")
    for arguments in (["--only", "other"], ["--only", "some_case", "--rounds", "2"]):
        monkeypatch.setattr(sys, "argv", ["run", *arguments])
        run.main()
    rows = [json.loads(line) for line in (tmp_path / "bench.jsonl").read_text().splitlines()]
    assert [(row["case"], row["status"]) for row in rows] == [("some_case", "measured"), ("other", "differs")]
    assert rows[0]["rounds"] == 2
    assert (tmp_path / "bench.md").read_text().count("\n| ") == 3  # rule and two rows
    assert "no ratio" in capsys.readouterr().out


def test_every_case_has_a_name_of_its_own_and_one_of_them_runs():
    cases = {case.name: case for case in run.all_cases()}
    assert len(cases) == len(run.all_cases()) > 5
    assert run.measure(cases["view_pair"], rounds=1)["status"] == "measured"

"""What the runner does with a case: refuses, passes over, measures, and keeps in a file."""

import json
import sys

import pytest
import torch

from benchmarks import run
from benchmarks.case import Contest, MemoryCase, MissingPeer, TimeCase, peer_package
from benchmarks.peak_memory import peak_of
from benchmarks.table import as_markdown
from tests.benchmarks import memory_work


def contest(difference, calls=None):
    calls = [] if calls is None else calls
    return Contest(lambda: calls.append("ours"), lambda: calls.append("peer"), lambda: difference, allowed=0.5)


def case(prepare, **changes):
    return TimeCase("some_case", "some work", "someone", prepare, rounds=3, **changes)


def test_same_results_are_timed():
    row = run.measure(case(lambda: contest(0.5), wanted=2.0, threads=1, packages=("pillow", "nothing-of-this-name")))
    assert row["status"] == "measured"
    assert row["rounds"] == 3
    assert row["ratio_p10"] <= row["ratio_median"] <= row["ratio_p90"]
    assert row["ours_seconds"] > 0
    assert row["versions"]["torch"] == torch.__version__.split("+")[0]
    assert row["versions"]["nothing-of-this-name"] == "not installed"
    assert (row["threads"], row["wanted"], row["difference"]) == (1, 2.0, 0.5)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("difference", [0.51, float("inf"), float("nan")])
def test_no_ratio_where_results_differ(difference):
    calls = []
    row = run.measure(case(lambda: contest(difference, calls)))
    assert row["status"] == "differs"
    assert calls == []
    assert not [key for key in row if key.startswith("ratio")]
    assert "no ratio" in as_markdown([row])


def test_a_missing_peer_is_passed_over_with_its_reason():
    row = run.measure(case(lambda: peer_package("no_such_package_at_all")))
    assert row["status"] == "skipped"
    assert "no_such_package_at_all cannot be imported" in row["reason"]
    assert "requirements-bench.txt" in as_markdown([row])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_its_cases_say_so():
    row = run.measure(case(lambda: contest(0), device="cuda"))
    assert row["reason"] == "not measured: no GPU at hand"


def test_other_errors_are_not_hidden():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run.measure(case(broken))


def test_rows_of_other_cases_stay_in_the_file(tmp_path, monkeypatch, capsys):
    cases = [case(lambda: contest(0)), TimeCase("other", "other work", "someone", lambda: contest(1))]
    monkeypatch.setattr(run, "all_cases", lambda: cases)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(run, "commit", lambda: "abc")
    for arguments in (["--only", "other"], ["--only", "some_case", "--rounds", "2"]):
        monkeypatch.setattr(sys, "argv", ["run", *arguments])
        run.main()
    rows = [json.loads(line) for line in (tmp_path / "bench.jsonl").read_text().splitlines()]
    assert [(row["case"], row["status"]) for row in rows] == [("some_case", "measured"), ("other", "differs")]
    assert rows[0]["rounds"] == 2
    table = (tmp_path / "bench.md").read_text()
    assert table.count("\n| ") == 3  # rule and two rows
    assert "no ratio" in capsys.readouterr().out


def test_long_cases_run_only_when_asked_for(tmp_path, monkeypatch):
    done = []
    cases = [TimeCase(name, "work", "someone", lambda: contest(0), full=name == "long") for name in ("short", "long")]
    monkeypatch.setattr(run, "all_cases", lambda: cases)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    row = {"status": "differs", "reason": "", "load_average": 0, "work": "", "peer": "", "wanted": None}
    row |= {"versions": {}, "device": "", "commit": ""}
    monkeypatch.setattr(run, "measure", lambda one, *_: done.append(one.name) or row | {"case": one.name})
    for arguments in ([], ["--full"]):
        monkeypatch.setattr(sys, "argv", ["run", *arguments])
        run.main()
    assert done == ["short", "short", "long"]


def test_the_cases_have_names_of_their_own():
    names = [case.name for case in run.all_cases()]
    assert len(set(names)) == len(names) > 10
    assert all(name.replace("_", "").isalnum() for name in names)


# Memory, in processes of their own


def memory_case(peer):
    this = "tests.benchmarks.memory_work"
    return MemoryCase(
        name="recall_memory_test",
        work="work",
        peer="someone",
        make_data=memory_work.write_size,
        ours=f"{this}:takes_once",
        peer_function=f"{this}:{peer}",
        difference=lambda ours, theirs: abs(ours - theirs),
        allowed=0,
        wanted=0.5,
    )


def test_memory_is_that_of_the_work_alone():
    row = run.measure(memory_case("takes_thrice"))
    assert row["ours_mebibytes"] == pytest.approx(40, abs=4)
    assert row["peer_mebibytes"] == pytest.approx(120, abs=4)
    assert row["share"] == pytest.approx(1 / 3, abs=0.05)
    assert "of its memory | at most 0.50" in as_markdown([row])


def test_no_share_of_memory_where_results_differ():
    row = run.measure(memory_case("answers_otherwise"))
    assert row["status"] == "differs"
    assert "share" not in row


def test_a_process_that_fails_is_told(tmp_path):
    with pytest.raises(RuntimeError, match=r"takes_once failed: [\s\S]*size.npy"):
        peak_of("tests.benchmarks.memory_work:takes_once", tmp_path)


def test_a_missing_peer_is_an_error_of_its_own():
    with pytest.raises(MissingPeer):
        peer_package("no_such_package_at_all")

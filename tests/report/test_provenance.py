import subprocess

import pytest

from maskcon.report.provenance import provenance


@pytest.fixture
def commit(checkout) -> str:
    """The finished checkout as a git repository with one commit."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    (checkout / "dvc.lock").unlink()
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a"]):
        subprocess.run(["git", *identity, *command], cwd=checkout, check=True)
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True).stdout.strip()


def test_a_commit_is_clean_with_other_parameters_and_a_new_lock(checkout, commit):
    (checkout / "params.yaml").write_text("seed: 2")
    (checkout / "dvc.lock").write_text("stages: {}")
    tags = provenance(checkout, {})
    assert (tags["git.commit"], tags["git.dirty"]) == (commit, "false")
    assert "dvc.baseline_rev" not in tags


@pytest.mark.parametrize("file", ["code/train.py", "code/new.py"])
def test_changed_or_new_code_is_dirty(checkout, commit, file):
    (checkout / file).write_text("changed")
    assert provenance(checkout, {})["git.dirty"] == "true"


def test_an_experiment_has_the_commit_that_it_started_from(checkout, commit):
    tags = provenance(checkout, {"DVC_EXP_BASELINE_REV": commit})
    assert tags["git.commit"] == tags["dvc.baseline_rev"] == commit
    assert tags["git.dirty"] == "false"


def test_without_git_the_commit_is_unknown(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert provenance(checkout, {})["git.commit"] == "unknown"

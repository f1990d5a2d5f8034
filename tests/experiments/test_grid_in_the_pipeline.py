"""A small grid in a copy of the checkout, with real DVC experiments, from nothing to its table."""

import csv

import pytest

from maskcon.tracking.store import find_store
from tests.support.pipeline_copies import copy_checkout

pytestmark = [pytest.mark.slow, pytest.mark.pipeline]
PATIENCE = 1200  # seconds; half a minute is enough on a machine that is free

GRID = """
settings: [data=digits, "evaluate.measures=[]", train.epochs=1, train.warmup_epochs=0]
datasets:
  digits: {seeds: [1]}
methods:
  supcon: {values: [{temperature: 0.2}]}
  selfcon: {settings: [data.coarse_map=coarse_labels/cars196.csv], values: [{}]}
"""


def test_from_nothing_to_a_table(tmp_path):
    copy = copy_checkout(tmp_path / "copy")
    (copy.folder / "grids/small.yaml").write_text(GRID)
    copy.commit("A grid")
    command = ("python", "-m", "maskcon", "grid", "grids/small.yaml")

    with pytest.raises(AssertionError) as failed:  # one method has the labels of another set; the other goes on
        copy.run(*command, timeout=PATIENCE)
    printed = str(failed.value)
    assert "1 of 2 runs are complete" in printed
    assert "failed: digits selfcon seed 1 on test" in printed
    assert "error: 1 run failed; try again with: maskcon grid grids/small.yaml --failed" in printed

    with pytest.raises(AssertionError) as failed:
        copy.run(*command, "--failed", timeout=PATIENCE)
    assert "score: 1 of 2 runs on record, 1 to run" in str(failed.value)
    assert "failed: digits selfcon seed 1 on test" in str(failed.value)

    text = (copy.folder / "grids/small.yaml").read_text()
    (copy.folder / "grids/small.yaml").write_text(text[: text.index("  selfcon")])
    printed = copy.run(*command, timeout=PATIENCE)  # complete: nothing is run
    assert "score: 1 of 1 runs on record, 0 to run" in printed

    copy.run(
        "python", "-m", "maskcon", "tables", "--grid", "small", "--metric", "recall_at_1", "--export", timeout=PATIENCE
    )
    with open(copy.folder / "reports/tables/digits.csv") as file:
        [row] = [one for one in csv.DictReader(file) if one["method"] == "supcon"]
    assert (row["n"], row["values"], row["marks"]) == ("1", '{"temperature": 0.2}', "")
    assert float(row["mean"]) == score_of_the_run(copy)
    assert (copy.folder / "reports/tables/digits_methods.png").stat().st_size


def score_of_the_run(copy) -> float:
    store = find_store(copy.folder, {})
    with store.opened() as client:
        experiment = client.get_experiment_by_name("digits")
        [run] = client.search_runs([experiment.experiment_id], "params.seed = '1'")
    return run.data.metrics["recall_at_1"]

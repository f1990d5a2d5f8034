import os
import subprocess
import sys
from pathlib import Path

import pytest

from maskcon.commands.summary import recall_table

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_row_for_each_kind_of_features():
    metrics = {"recall_at_1": 0.96, "recall_at_10": 0.99, "coarse_recall_at_1": 1.0, "images": 9}
    metrics |= {"untrained": {"recall_at_1": 0.13, "recall_at_10": 0.5, "coarse_recall_at_1": 0.7}}
    metrics |= {"pixels": {"recall_at_1": 0.3, "recall_at_10": 0.75, "coarse_recall_at_1": 0.8}}

    assert [line.split() for line in recall_table(metrics).splitlines()] == [
        ["R@1", "R@10", "coarse", "R@1"],
        ["----------", "-----", "------", "------------"],
        ["trained", "0.960", "0.990", "1.000"],
        ["untrained", "0.130", "0.500", "0.700"],
        ["raw", "pixels", "0.300", "0.750", "0.800"],
    ]


def test_without_fine_labels_the_coarse_recall_alone():
    coarse = {"coarse_recall_at_1": 0.5}
    table = recall_table({**coarse, "images": 9, "untrained": coarse, "pixels": coarse})
    assert table.splitlines()[0].split() == ["coarse", "R@1"]
    assert table.splitlines()[2].split() == ["trained", "0.500"]


@pytest.mark.slow
def test_it_says_where_everything_is(tmp_path):
    from tests.tracking.finished_checkout import make_checkout

    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)} | {"MLFLOW_TRACKING_URI": ""}
    run = subprocess.run(
        [sys.executable, "-m", "maskcon.commands.summary"],
        cwd=make_checkout(tmp_path),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    for text in ("R@1", "0.500", "reports/report.pdf", "reports/figures/", f"sqlite:///{tmp_path}", "make ui"):
        assert text in run.stdout

import base64
import json
import re
import zlib
from pathlib import Path

from maskcon.tracking.description import VIEW, run_description
from maskcon.tracking.record import Inputs, record_run
from tests.tracking.finished_checkout import parameters_with
from tests.tracking.recorded_runs import all_runs

METRICS = {
    "recall_at_1": 0.5,
    "interval.recall_at_1.low": 0.4,
    "interval.recall_at_1.high": 0.625,
    "recall_at_10": 0.75,
    "untrained.recall_at_1": 0.25,
}


def test_says_what_it_is_with_a_table_pictures_and_the_report():
    artifacts = [Path("reports/figures/embedding_map.png"), Path("reports/report.pdf"), Path("params.yaml")]
    words = run_description("abc", "5", parameters_with(seed=7), METRICS, artifacts)
    assert words.startswith("**maskcon** (temperature = 0.1, ")
    assert ", w = 1, soft_temperature = 0.1" in words
    assert ") on **digits**: small_conv trained on coarse labels alone" in words
    assert "for 3 epochs, seed 7, recipe default; measured on the test part." in words
    assert re.search(
        r"\| in percent \| Recall@1 \| Recall@10 \|\n\| --- \| ---: \| ---: \|\n"
        r"\| trained \| 50\.0 \(40\.0 to 62\.5\) \| 75\.0 \|\n\| untrained \| 25\.0 \|  \|",
        words,
    )
    assert "raw pixels |" not in words
    assert "](get-artifact?path=reports/figures/embedding_map.png&run_uuid=abc)" in words
    assert "[The report of this run (PDF)](#/experiments/5/runs/abc/artifacts/reports/report.pdf)" in words
    assert "recall_at_k.png" not in words  # which this run has not


def test_a_record_has_it_and_its_experiment_the_columns_that_matter(store, checkout):
    record_run(store, Inputs.of(checkout, parameters_with()), checkout, {})
    [run] = all_runs(store)
    assert "| trained | 50.0 (40.0 to 60.0) |" in run.data.tags["mlflow.note.content"]
    with store.opened() as client:
        tags = client.get_experiment(run.info.experiment_id).tags
    kind, text = tags[f"mlflow.sharedViewState.{VIEW}"].split(";")
    assert kind == "deflate"
    state = json.loads(zlib.decompress(base64.b64decode(text)))
    assert state["selectedColumns"][:2] == ["params.`loss.name`", "params.`loss.w`"]
    assert state["orderByKey"] == "metrics.`recall_at_1`"
    assert (
        f"](#/experiments/{run.info.experiment_id}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning)"
        in tags["mlflow.note.content"]
    )

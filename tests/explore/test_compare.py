"""Runs side by side: two whose features are on record, and one of a grid, which keeps metrics alone."""

import re

import numpy as np
import pytest

from maskcon.__main__ import main
from maskcon.explore.compare_page.compared_runs import differences, read_runs, share_images
from maskcon.parameters.errors import UserError
from maskcon.tracking.searchable import log_searchable
from maskcon.tracking.store import experiment_id, find_store
from tests.support.browser import complaints, headless_browser, wait_until
from tests.support.finished_run import clustered_features, number_images, two_digit_labels
from tests.support.searchable_workspace import write_workspace

NAMES = ["<b>first</b>", "second", "of a grid"]
METRICS = {"recall_at_1": 0.5, "interval.recall_at_1.low": 0.4, "interval.recall_at_1.high": 0.6, "recall_at_2": 0.6}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, tiny_parameters):
    """A folder whose store has these runs, and whose data/sets has their images."""
    labels = two_digit_labels(200)
    folder = tmp_path_factory.mktemp("workspace")
    write_workspace(folder, tiny_parameters(), labels, number_images(labels["fine"]))
    size = np.load(folder / "embeddings/test/encoder.npy").shape[1]
    store = find_store(folder, {})
    with store.opened() as client:
        experiment = experiment_id(store, client, "two_digits")
        for place, name in enumerate(NAMES):
            run = client.create_run(experiment, run_name=name)
            values = {"data.name": "two_digits", "evaluate.split": "test", "loss.w": str(place)}
            for key, value in values.items():
                client.log_param(run.info.run_id, key, value)
            for key, value in METRICS.items():
                client.log_metric(run.info.run_id, key, value)
            for epoch in (1, 2):
                client.log_metric(run.info.run_id, "pretrain/loss", 3 - epoch, step=epoch)
            if place < 2:
                np.save(folder / "embeddings/test/encoder.npy", clustered_features(labels, 0.4 + place, 1, size))
                log_searchable(client, run, folder)
    return folder


@pytest.fixture(scope="module")
def runs(workspace):
    return read_runs(find_store(workspace, {}), NAMES, workspace)


def test_differences_are_paired_image_by_image(runs):
    first, second, of_grid = runs
    measured = differences(first, second)
    assert set(measured) == {"recall_at_1", "recall_at_2", "mean_average_precision_at_r", "coarse_recall_at_1"}
    each = second.scores["recall_at_1"] - first.scores["recall_at_1"]
    spread = 1.96 * each.std() / np.sqrt(len(each))
    of_recall = measured["recall_at_1"]
    assert of_recall.mean == pytest.approx(each.mean())
    assert [of_recall.low, of_recall.high] == pytest.approx([each.mean() - spread, each.mean() + spread], abs=0.015)
    assert [differences(*pair)["recall_at_1"].high for pair in ((first, first), (second, second))] == [0, 0]
    assert differences(first, of_grid) == {}
    assert not share_images(first, of_grid)


def test_a_name_that_is_not_one_run_is_told(runs, workspace):
    store = find_store(workspace, {})
    assert [run.run_id for run in read_runs(store, [runs[1].run_id[:12]], workspace)] == [runs[1].run_id]
    with pytest.raises(UserError, match="no run on record is called nothing"):
        read_runs(store, ["nothing"], workspace)
    with pytest.raises(UserError, match=r"may be 3 runs, such as .*; give the beginning of an ID"):
        read_runs(store, [""], workspace)


def test_torn_features_are_told_and_not_taken_for_none(runs, workspace):
    [kept] = (workspace / "mlflow").rglob(f"{runs[1].run_id}/**/test/encoder.npy")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-100])
    with pytest.raises(UserError, match=r"of the run second .* cannot be read"):
        read_runs(find_store(workspace, {}), ["second"], workspace)
    kept.write_bytes(whole)


@pytest.mark.slow
def test_the_page_in_a_browser(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    main(["compare", *NAMES])
    with headless_browser(width=400) as browser:
        browser.get((workspace / "exports/compare.html").as_uri())
        wait_until(lambda: browser.execute_script("return [...document.images].every((one) => one.naturalWidth > 0)"))
        text = browser.find_element("tag name", "body").text
        assert "A. " not in text  # letters are drawn by the list
        assert "<b>first</b>" in text
        assert "C keeps no features of the test part" in text
        assert re.search(r"Recall@1 50\.0 \[40\.0, 60\.0\] 50\.0 \[40\.0, 60\.0\] \+\d+\.\d \[", text)
        assert "loss.w 0 1 2" in text
        queries = browser.find_elements("css selector", "section")
        assert len(queries) == 16  # drawn at random, and where the runs disagree
        rows = [query.find_elements("css selector", "div > div") for query in queries]
        assert [[len(row.find_elements("tag name", "i")) for row in of] for of in rows] == [[10, 10]] * 16
        thumbnail = "return getComputedStyle(document.querySelector('i')).backgroundImage"
        assert browser.execute_script(thumbnail).startswith('url("data:image/webp')
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert complaints(browser) == []

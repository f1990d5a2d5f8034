"""MLflow's own pages as a person sees them: runs by name, their columns, a description with pictures."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcon.runtime.atomic_files import write_text
from maskcon.tracking.record import Inputs, record_run
from maskcon.tracking.store import find_store
from tests.support.browser import headless_browser, wait_until
from tests.support.pipeline_copies import POINTING_ELSEWHERE
from tests.support.servers import free_port, running_server
from tests.tracking.finished_checkout import REPOSITORY, make_checkout, parameters_with

pytestmark = pytest.mark.slow

PICTURE_IS_SHOWN = "return [...document.images].some((one) => one.naturalWidth === 60)"


def with_results(checkout: Path, recall: float) -> Path:
    """The checkout with other results, with a picture that is one."""
    retrieval = json.loads((checkout / "metrics/retrieval_in_full.json").read_text())
    write_text(checkout / "metrics/retrieval_in_full.json", json.dumps(retrieval | {"recall_at_1": recall}))
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(checkout / "reports/figures/embedding_map.png")
    return checkout


@pytest.fixture(scope="module")
def browser():
    with headless_browser(width=1600, height=1000) as driver:  # skips before anything is recorded
        yield driver


@pytest.fixture(scope="module")
def recorded(browser, tmp_path_factory):
    """A folder whose store has three runs; the ID of the experiment, and run IDs by name."""
    checkout = make_checkout(tmp_path_factory.mktemp("checkout"))
    store = find_store(checkout, {})
    runs = {}
    for seed, recall in [(1, 0.5), (2, 0.625), (3, 0.75)]:
        inputs = Inputs.of(checkout, parameters_with(seed=seed))
        run = record_run(store, inputs, with_results(checkout, recall), {})
        runs[run.run_name] = run.run_id
    with store.opened() as client:
        return checkout, client.get_experiment_by_name("digits").experiment_id, runs


@pytest.fixture(scope="module")
def pages(recorded):
    """The address of the pages that ``make ui`` shows."""
    checkout, port = recorded[0], free_port()
    command = [sys.executable, "-m", "maskcon", "ui", "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if name not in POINTING_ELSEWHERE}
    with open(checkout / "printed", "w") as printed:
        options = {"cwd": checkout, "env": {**environment, "PYTHONPATH": str(REPOSITORY)}, "stdout": printed}
        with running_server(command, port, **options, stderr=subprocess.STDOUT):
            yield f"http://127.0.0.1:{port}/"


def text_of(browser) -> str:
    return browser.execute_script("return document.body.innerText")


def test_runs_are_listed_by_name_with_the_columns_that_matter(browser, pages, recorded):
    checkout, _, _ = recorded
    [address] = re.findall(rf"{pages}\S+", (checkout / "printed").read_text())
    browser.get(address)
    wanted = ("maskcon seed 1 w=1 T=0.1", "Recall at 1", "75.0%", "loss.name")
    wait_until(lambda: all(text in text_of(browser) for text in wanted))
    shown = text_of(browser)
    assert shown.index("seed 3") < shown.index("seed 2") < shown.index("seed 1")  # by Recall@1
    assert "Judges" not in shown  # which MLflow's pages for chats have at the side
    assert "images_per_second" not in shown  # there are tens of metrics; they are a click away


def test_a_run_describes_itself_with_table_and_picture(browser, pages, recorded):
    _, experiment, runs = recorded
    run_id = runs["maskcon seed 1 w=1 T=0.1"]
    browser.get(f"{pages}#/experiments/{experiment}/runs/{run_id}")
    wait_until(lambda: "50.0 (40.0 to 60.0)" in text_of(browser))
    wait_until(lambda: browser.execute_script(PICTURE_IS_SHOWN))
    cells = browser.execute_script("return [...document.querySelectorAll('td')].map((one) => one.innerText.trim())")
    assert "50.0 (40.0 to 60.0)" in cells
    assert "GET" not in (recorded[0] / "printed").read_text()

"""The model in MLflow: exported to a run by the command, served by the line that it prints, asked over HTTP."""

import base64
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from maskcon.explore.gallery import workspace_gallery
from maskcon.explore.search import nearest_to
from maskcon.tracking.searchable import log_searchable
from maskcon.tracking.store import MLFLOW_SETTINGS, experiment_id, find_store
from tests.support.finished_run import number_images, two_digit_labels
from tests.support.searchable_workspace import write_workspace
from tests.support.servers import free_port, running_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, tiny_parameters):
    labels = two_digit_labels(40)
    folder = tmp_path_factory.mktemp("workspace")
    return write_workspace(folder, tiny_parameters(), labels, number_images(labels["fine"]))


@pytest.fixture(scope="module")
def serving(workspace, repository) -> list[str]:
    """The words of the command that ``maskcon export`` says to serve the model with."""
    store = find_store(workspace, {})
    with store.opened() as client:
        run = client.create_run(experiment_id(store, client, "two_digits"))
        log_searchable(client, run, workspace)
        client.set_terminated(run.info.run_id)
    telling = ("MASKCON_VERBOSE", "PYTHONWARNINGS", "MLFLOW_TRACKING_URI")
    environment = {name: value for name, value in os.environ.items() if name not in telling}
    exported = subprocess.run(
        [sys.executable, "-m", "maskcon", "export", "--formats", "mlflow"],
        cwd=workspace,
        env=environment | {"PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert (exported.returncode, exported.stderr) == (0, "")
    with store.opened() as client:
        assert [file.path for file in client.list_artifacts(run.info.run_id, "export")] == ["export/labels.json"]
        assert client.get_run(run.info.run_id).info.status == "FINISHED"
        [logged] = client.search_logged_models([run.info.experiment_id])
        assert logged.artifact_location.startswith(store.artifacts)
    labels, model, command = exported.stdout.splitlines()
    assert labels == "exports/encoder/labels.json: names of the classes, sizes"
    assert model.startswith(f"{logged.model_uri}: in MLflow, with the run {run.info.run_id}")
    return shlex.split(command)


@pytest.fixture(scope="module")
def address(serving, tmp_path_factory):
    """Of the model's server, started in a folder that has nothing of this project, on a port that is free."""
    setting, *command = serving
    name, _, store = setting.partition("=")
    assert command[-2:] == ["--port", "5001"]
    port = free_port()
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # the server calls uvicorn by name
    settings = {"PATH": path, **MLFLOW_SETTINGS, name: store, "OMP_NUM_THREADS": "1"}
    with open(folder / "printed", "w") as printed:
        options = {"cwd": folder, "env": {**environment, **settings}, "stdout": printed, "stderr": subprocess.STDOUT}
        with running_server([*command[:-1], str(port), "--host", "127.0.0.1", "--workers", "1"], port, **options):
            yield f"http://127.0.0.1:{port}/invocations"


def as_text(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


def test_answers_over_http_what_the_search_finds(address, workspace):
    gallery = workspace_gallery(workspace)
    images = gallery.images[[5, 11]]
    rows = [{"photo": as_text(pixels)} for pixels in images]
    answer = requests.post(address, json={"dataframe_records": rows, "params": {"top": 3}}, timeout=60)
    assert answer.status_code == 200, answer.text

    predictions = answer.json()["predictions"]
    for place, prediction, expected in zip((5, 11), predictions, nearest_to(gallery, images, 3), strict=True):
        assert [one["place"] for one in prediction["nearest"]] == [one.place for one in expected]
        assert prediction["nearest"][0] == {
            "rank": 1,
            "cosine": pytest.approx(1, abs=1e-4),
            "coarse": gallery.labels.coarse_name[place],
            "fine": gallery.labels.fine_name[place],
            "image": f"image {place}",
            "place": place,
        }
        assert prediction["features"] == pytest.approx(gallery.features[place].tolist(), abs=1e-5)

    refused = requests.post(address, json={"dataframe_records": [{"picture": "x"}]}, timeout=60)
    assert refused.status_code == 400  # the signature asks for a photo
    assert "photo" in refused.text

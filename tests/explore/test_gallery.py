import shutil
from pathlib import Path

import numpy as np
import pytest

from maskcon.explore.gallery import recorded_gallery, workspace_gallery
from maskcon.parameters.errors import UserError
from maskcon.tracking.searchable import log_searchable, run_of_encoder
from maskcon.tracking.store import experiment_id, find_store
from tests.support.finished_run import number_images, two_digit_labels
from tests.support.searchable_workspace import write_workspace


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, tiny_parameters):
    """A workspace, its store with a run of it, and the ID of a run that has nothing."""
    labels = two_digit_labels(40)
    folder = tmp_path_factory.mktemp("workspace")
    workspace = write_workspace(folder / "workspace", tiny_parameters(), labels, number_images(labels["fine"]))
    store = find_store(folder, {})
    with store.opened() as client:
        experiment = experiment_id(store, client, "two_digits")
        runs = [client.create_run(experiment, run_name=name) for name in ("maskcon seed 1", "unfinished")]
        log_searchable(client, runs[0], workspace)
        client.set_terminated(runs[0].info.run_id)
    return workspace, store, *(run.info.run_id for run in runs)


@pytest.fixture
def workspace(recorded, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(recorded[0], tmp_path / "workspace"))


def test_a_recorded_run_gives_the_gallery_that_the_workspace_had(recorded, workspace):
    _, store, run_id, _ = recorded
    before = workspace_gallery(workspace)
    assert run_of_encoder(store, "two_digits", workspace / "models/encoder.pt") == run_id
    shutil.rmtree(workspace / "models")
    shutil.rmtree(workspace / "embeddings")

    gallery = recorded_gallery(store, run_id, workspace)
    assert gallery.name == "two_digits, maskcon seed 1"
    assert np.abs(gallery.features - before.features).max() < 5e-4  # 16 bits
    assert np.linalg.norm(gallery.features, axis=1) == pytest.approx(np.ones(40), abs=1e-6)
    assert np.abs(gallery.validation.features - before.validation.features).max() < 5e-4
    assert gallery.validation.labels.source.tolist() == before.validation.labels.source.tolist()
    assert np.array_equal(gallery.images, before.images)
    assert gallery.labels.source.tolist() == before.labels.source.tolist()
    assert np.array_equal(gallery.encoder.embed_images(gallery.images), before.encoder.embed_images(before.images))


def test_images_of_another_set_are_not_shown_for_a_recorded_runs(recorded, workspace):
    _, store, run_id, _ = recorded
    labels = workspace / "data/sets/two_digits/test/labels.csv"
    labels.write_text(labels.read_text().replace("image 3,", "image 4,"))
    assert recorded_gallery(store, run_id, workspace).images is None


def test_what_is_not_there_is_said(recorded, workspace):
    _, store, _, unfinished = recorded
    with pytest.raises(UserError, match=r"there is no run 0123 in the MLflow store"):
        recorded_gallery(store, "0123", workspace)
    with pytest.raises(UserError, match=r"the run unfinished \(.*\) has no models/encoder\.pt on record"):
        recorded_gallery(store, unfinished, workspace)
    (workspace / "embeddings/test/encoder.npy").unlink()
    with pytest.raises(UserError, match=r"no embeddings/test/encoder\.npy in this folder; make it with dvc repro"):
        workspace_gallery(workspace)


def test_an_encoder_newer_than_its_embeddings_is_noticed(workspace):
    np.save(workspace / "embeddings/test/encoder.npy", np.eye(40, dtype=np.float32))
    with pytest.raises(UserError, match="has 40 numbers an image, but"):
        workspace_gallery(workspace)


def test_validation_is_not_needed(workspace):
    shutil.rmtree(workspace / "embeddings/val")
    assert workspace_gallery(workspace).validation is None

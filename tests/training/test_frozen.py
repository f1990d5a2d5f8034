"""Training on stored features of a frozen backbone: for every method, resumable, one encoder in the end."""

import copy

import numpy as np
import pytest
import torch

from maskcon.encoders.features.computing import compute_features
from maskcon.encoders.features.stored import FEATURES, write_backbone
from maskcon.encoders.features.whole import backbone_rows, store_rows, stored_rows
from maskcon.encoders.networks import build_encoder, load_encoder, save_encoder
from maskcon.encoders.networks.adapter import whitening
from maskcon.images.packed.image_stream import ImageStream
from maskcon.parameters.errors import Interrupted, UserError
from maskcon.parameters.plugins import METHODS
from maskcon.training import loop
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.feature_batches import FeatureBatches
from maskcon.training.learner import build_learner
from maskcon.training.loop import Watcher, train
from maskcon.views.operations.families import view_maker

CPU = torch.device("cpu")
FROZEN = {"train.backbone": "frozen", "train.epochs": 2, "model.adapter.directions": 12}


def stored(parameters, training_set, folder, interruption=lambda: None):
    """Features of two weak and two strong views of the images, and of them whole, in ``folder``."""
    folder.mkdir(exist_ok=True)
    data = parameters.data
    torch.manual_seed(data.seed)
    compute_features(
        build_encoder(parameters.model, data).eval(),
        ImageStream(training_set.images, data.channels, CPU),
        None,
        {name: view_maker(data.augmentation, name, (data.height, data.width)) for name in ("weak", "strong", "whole")},
        {"weak": 2, "strong": 2, "whole": 1},
        data.seed,
        folder,
        interruption,
    )


@pytest.fixture
def features(tiny_parameters, tiny_set, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stored(tiny_parameters(FROZEN), tiny_set, tmp_path / "features")
    write_backbone(tiny_parameters(FROZEN).model)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_an_adapter_and_leaves_the_backbone_as_it_was(
    method, tiny_parameters, tiny_set, features, tmp_path
):
    trained = train(tiny_set, tiny_parameters(FROZEN, method), CPU, Checkpoints(tmp_path), Watcher())
    before, after = trained.untrained.backbone.state_dict(), trained.encoder.backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert trained.encoder.adapter.adapter.residual.weight.abs().max() > 0
    assert trained.whitened.adapter.adapter.residual.weight.abs().max() == 0


def test_an_interrupted_training_on_features_ends_as_an_uninterrupted_one(
    tiny_parameters, tiny_set, features, tmp_path
):
    parameters = tiny_parameters(FROZEN)
    whole = train(tiny_set, parameters, CPU, Checkpoints(tmp_path / "whole"), Watcher())
    steps = iter([None] * 6 + [Interrupted(15)])
    with pytest.raises(Interrupted):
        train(tiny_set, parameters, CPU, Checkpoints(tmp_path / "half"), Watcher(), lambda: next(steps))
    resumed = train(tiny_set, parameters, CPU, Checkpoints(tmp_path / "half"), Watcher())
    expected = whole.encoder.state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in resumed.encoder.state_dict().items())


@pytest.mark.parametrize("readout", ["features", "projection", "both"])
def test_backbone_and_adapter_are_one_encoder_in_a_file(
    readout, tiny_parameters, tiny_set, features, tmp_path, monkeypatch
):
    parameters = tiny_parameters({**FROZEN, "model.adapter.readout": readout})
    trained = train(tiny_set, parameters, CPU, Checkpoints(tmp_path), Watcher())
    images = torch.rand(3, 1, 16, 24)
    for name, encoder in {"encoder.pt": trained.encoder, "whitened.pt": trained.whitened}.items():
        save_encoder(tmp_path / name, encoder, parameters.model, parameters.data)
        loaded = load_encoder(tmp_path / name)
        assert torch.equal(loaded(images), encoder(images))
        assert loaded(images).shape[1] == loaded.feature_size
    projected = parameters.model.projection_size
    sizes = {"features": 12, "projection": projected, "both": 12 + projected}
    assert trained.encoder.feature_size == sizes[readout]


def test_features_resumed_after_an_interruption_are_those_of_an_uninterrupted_stage(
    tiny_parameters, tiny_set, tmp_path, monkeypatch
):
    monkeypatch.setattr("maskcon.encoders.features.computing.BLOCK", 32)
    parameters = tiny_parameters(FROZEN)
    stored(parameters, tiny_set, tmp_path / "whole")
    blocks = iter([None] * 4 + [Interrupted(15)])
    with pytest.raises(Interrupted):
        stored(parameters, tiny_set, tmp_path / "half", lambda: next(blocks))
    stored(parameters, tiny_set, tmp_path / "half")
    for name in ("weak", "strong"):
        whole, half = (np.load(tmp_path / folder / f"{name}.npy") for folder in ("whole", "half"))
        assert whole.dtype == np.float16
        assert whole.shape == (2, len(tiny_set.images), 32)
        assert np.array_equal(whole, half)
        assert not np.array_equal(whole[0], whole[1])


def test_whitened_directions_are_uncorrelated_and_scaled_by_a_power_of_their_deviation():
    rows = torch.randn(500, 6, generator=torch.Generator().manual_seed(0)) @ torch.diag(torch.arange(1.0, 7))
    for power in (0.0, 0.5, 1.0):
        mean, directions = whitening(rows.split(100), 4, power)
        covariance = torch.cov(((rows - mean) @ directions).T, correction=0)
        deviations = torch.linalg.svdvals(rows - rows.mean(dim=0))[:4] / len(rows) ** 0.5
        expected = torch.diag(deviations ** (2 - 2 * power))
        torch.testing.assert_close(covariance, expected, rtol=1e-3, atol=1e-3)


def test_two_views_of_one_strength_are_never_the_same_stored_view():
    views = np.arange(3 * 40, dtype=np.float16).reshape(3, 40, 1)
    batches = FeatureBatches(views, views, views[0], torch.zeros(40, dtype=torch.int64), 8, seed=1)
    for batch in batches.epoch(1):
        assert (batch.query_view != batch.key_view).all()
        assert torch.equal(batch.query_view[:, 0] % 40, batch.places.float())
    again = copy.copy(batches)
    late = list(again.epoch(1, first_batch=3))
    torch.testing.assert_close(late[0].query_view, list(batches.epoch(1))[3].query_view)


def test_the_queue_is_at_most_half_as_long_as_the_set(tiny_parameters, tiny_set, features, tmp_path, monkeypatch):
    learners = []
    monkeypatch.setattr(loop, "build_learner", lambda *given: learners.append(build_learner(*given)) or learners[-1])
    train(tiny_set, tiny_parameters(FROZEN | {"train.queue_size": 10_000}), CPU, Checkpoints(tmp_path), Watcher())
    assert len(learners[0].queue.keys) == len(tiny_set.images) // 2


@pytest.mark.fault
def test_features_of_another_backbone_are_refused(tiny_parameters, tiny_set, features, tmp_path):
    with pytest.raises(UserError, match=r"features/ is not of the backbone that .*'width': 8.*dvc repro -f features"):
        train(tiny_set, tiny_parameters(FROZEN | {"model.width": 8}), CPU, Checkpoints(tmp_path), Watcher())


def test_stored_rows_are_those_of_the_backbone(tiny_parameters, tiny_set, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FEATURES.mkdir()
    encoder = build_encoder(tiny_parameters(FROZEN).model, tiny_parameters(FROZEN).data).eval()
    rows = torch.cat(list(backbone_rows(encoder, tiny_set.images, tiny_parameters(FROZEN).data.channels, CPU)))
    store_rows("val", len(rows), [rows], encoder, FEATURES)
    store_rows("val", len(rows), iter(()), encoder, FEATURES)  # a second time: nothing is computed
    assert torch.equal(torch.cat(list(stored_rows("val", len(rows), CPU))), rows)
    np.save(FEATURES / "whole.npy", rows[None].half().numpy())
    assert torch.equal(torch.cat(list(stored_rows("train", len(rows), CPU))), rows.half().float())
    store_rows("test", 0, [], encoder, FEATURES)  # a set may have no such part
    assert not list(stored_rows("test", 0, CPU))

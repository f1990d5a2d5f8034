import hashlib
import pickle
import resource
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from torch.testing import assert_close

from maskcon.encoders.networks import ProjectedEncoder, build_encoder, load_encoder, save_encoder
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import check_parameters

RESNETS = {"resnet18": 512, "resnet34": 512, "resnet50": 2048}


def build(parameters):
    torch.manual_seed(0)
    return build_encoder(parameters.model, parameters.data).eval()


@pytest.fixture
def resnet(tiny_values):
    """Parameters of a ResNet for images of a size."""

    def parameters(backbone, channels, height, width, pooled=(1, 1), weights="none"):
        values = tiny_values({"data.channels": channels, "data.height": height, "data.width": width})
        adapter = values["model"]["adapter"]
        values["model"] = {
            "name": "resnet",
            "backbone": backbone,
            "weights": weights,
            "input_size": None,
            "pooled": list(pooled),
            "adapter": adapter,
            "projector_hidden_size": 12,
            "projection_size": 8,
        }
        return check_parameters(values)

    return parameters


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 16, 24), (3, 32, 32), (3, 96, 96)])
@pytest.mark.parametrize("backbone", RESNETS)
def test_resnet_shapes(resnet, backbone, channels, height, width):
    encoder = build(resnet(backbone, channels, height, width))
    with torch.no_grad():
        features = encoder(torch.rand(1, channels, height, width))
    assert features.shape == (1, RESNETS[backbone])
    assert encoder.feature_size == RESNETS[backbone]


@pytest.mark.parametrize("pooled", [[1, 1], [1, 2], [2, 3]])
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 16, 24), (3, 32, 32), (3, 96, 96)])
def test_small_conv_shapes(tiny_parameters, channels, height, width, pooled):
    parameters = tiny_parameters(
        {"data.channels": channels, "data.height": height, "data.width": width, "model.pooled": pooled}
    )
    encoder = build(parameters)
    features = encoder(torch.rand(2, channels, height, width))
    assert features.shape == (2, 4 * 4 * pooled[0] * pooled[1])
    assert encoder.feature_size == features.shape[1]


@pytest.mark.parametrize(
    ("height", "width", "map_height", "map_width"),
    [(64, 64, 8, 8), (32, 64, 4, 8), (65, 65, 3, 3), (24, 96, 1, 3)],  # stride 8 with the small stem, else 32
)
@pytest.mark.parametrize("channels", [1, 3])
def test_small_stem_up_to_64_pixels(resnet, channels, height, width, map_height, map_width):
    encoder = build(resnet("resnet18", channels, height, width))
    with torch.no_grad():
        assert encoder.backbone(torch.rand(1, channels, height, width)).shape == (1, 512, map_height, map_width)


def test_resnet_is_torchvision_s_without_its_head(resnet):
    """At 96 pixels nothing is changed: the same weights give the features that feed torchvision's classifier."""
    encoder = build(resnet("resnet18", 3, 96, 96))
    network = torchvision.models.resnet18()
    network.fc = torch.nn.Identity()
    network.eval().load_state_dict(dict(zip(network.state_dict(), encoder.backbone.state_dict().values(), strict=True)))
    images = torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        assert_close(encoder(images), network((images - 0.5) / 0.5))


@pytest.mark.parametrize("pooled", [[1, 1], [1, 2]])
def test_features_are_averages_of_the_maps_of_standardised_pixels(tiny_parameters, pooled):
    parameters = tiny_parameters(
        {"data.channels": 3, "data.mean": [0.1, 0.2, 0.3], "data.std": [0.4, 0.5, 0.6], "model.pooled": pooled}
    )
    encoder = build(parameters)
    images = torch.rand(3, 3, 16, 24)
    standardised = torch.stack([(images[:, c] - (c + 1) / 10) / ((c + 4) / 10) for c in range(3)], dim=1)
    with torch.no_grad():
        maps = encoder.backbone(standardised)  # [3, 16, 4, 6]
        halves = [maps[..., :3], maps[..., 3:]] if pooled == [1, 2] else [maps]
        by_hand = torch.stack([half.mean(dim=(2, 3)) for half in halves], dim=2).flatten(1)
        assert_close(encoder(images), by_hand)


def test_projector_has_two_layers_and_no_batch_norm(tiny_parameters):
    network = ProjectedEncoder(build(tiny_parameters()), 12, 8)
    assert [type(layer).__name__ for layer in network.projector] == ["Linear", "ReLU", "Linear"]
    features, projections = network(torch.rand(5, 1, 16, 24))
    assert features.shape == (5, 32)
    assert projections.shape == (5, 8)
    by_hand = network.projector[2](network.projector[0](features).clamp(min=0))
    assert_close(projections, by_hand)


def test_saved_and_loaded_gives_equal_features(tiny_parameters, tmp_path):
    parameters = tiny_parameters()
    encoder = build(parameters).train()
    images = torch.rand(6, 1, 16, 24)
    encoder(images)  # moves the batch-norm statistics, which must be saved too
    save_encoder(tmp_path / "encoder.pt", encoder, parameters.model, parameters.data)
    loaded = load_encoder(tmp_path / "encoder.pt")
    assert not loaded.training
    assert torch.equal(loaded(images), encoder.eval()(images))


def test_same_encoder_same_bytes(tiny_parameters, tmp_path):
    parameters = tiny_parameters()
    for name in ("one.pt", "two.pt"):
        save_encoder(tmp_path / name, build(parameters), parameters.model, parameters.data)
    digests = {hashlib.sha256(file.read_bytes()).hexdigest() for file in tmp_path.iterdir()}
    assert len(digests) == 1


class Intruder:
    """Unpickled, it leaves a file."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def _as_zip_with_code(path, trace):
    torch.save({"model": Intruder(trace)}, path)


CORRUPTIONS = {
    "missing": lambda path, trace: path.unlink(),
    "empty": lambda path, trace: path.write_bytes(b""),
    "html": lambda path, trace: path.write_text("<!DOCTYPE html><html><body>404</body></html>"),
    "truncated": lambda path, trace: path.write_bytes(path.read_bytes()[:-500]),
    "half": lambda path, trace: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "pickle with code": lambda path, trace: path.write_bytes(pickle.dumps(Intruder(trace))),
    "zip with code": _as_zip_with_code,
    "list": lambda path, trace: torch.save([1, 2], path),
    "other keys": lambda path, trace: torch.save({"weights": {}}, path),
    "other values": lambda path, trace: torch.save({"model": {"backbone": "vit"}, "data": {}, "weights": {}}, path),
    "tensor": lambda path, trace: torch.save(torch.zeros(3), path),
    "without a weight": lambda path, trace: torch.save(
        {key: value if key != "weights" else {} for key, value in torch.load(path).items()}, path
    ),
}


@pytest.mark.fault
@pytest.mark.filterwarnings("ignore")  # of torch, about the files
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_what_is_no_encoder_gives_a_sentence_and_runs_nothing(tiny_parameters, tmp_path, corruption):
    parameters = tiny_parameters()
    path, trace = tmp_path / "encoder.pt", tmp_path / "trace"
    save_encoder(path, build(parameters), parameters.model, parameters.data)
    CORRUPTIONS[corruption](path, trace)
    with pytest.raises(UserError, match=r"encoder\.pt.*dvc repro pretrain") as raised:
        load_encoder(path)
    assert "\n" not in str(raised.value)
    assert not trace.exists()


@pytest.mark.fault
@pytest.mark.parametrize("free", [1_000, 9_000, 20_000])
def test_full_disk_gives_a_sentence(tiny_parameters, tmp_path, free):
    """A limit on the size of files acts as a disk that fills up after so many bytes."""
    parameters = tiny_parameters()
    encoder = build(parameters)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*encoder\.pt"):
            save_encoder(tmp_path / "encoder.pt", encoder, parameters.model, parameters.data)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


@pytest.mark.fault
def test_imagenet_weights_without_network_give_one_sentence(resnet, monkeypatch):
    def no_network(*args, **kwargs):
        raise URLError("Name or service not known")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_network)
    with pytest.raises(UserError, match=r"model\.weights=pretrained") as raised:
        build(resnet("resnet18", 3, 32, 32, weights="pretrained"))
    assert "Name or service not known" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("channels", "size", "stem_is_kept"), [(3, 96, True), (1, 96, False), (3, 32, False)])
def test_imagenet_weights_are_used_but_for_a_replaced_stem(resnet, monkeypatch, channels, size, stem_is_kept):
    published = torchvision.models.resnet18().state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *args, **kwargs: published)
    weights = build(resnet("resnet18", channels, size, size, weights="pretrained")).backbone.state_dict()
    convolutions = [name for name in published if not name.startswith("fc.")]
    for (name, weight), published_name in zip(weights.items(), convolutions, strict=True):
        if published_name == "conv1.weight" and not stem_is_kept:
            assert weight.shape[1:] == (channels, 3, 3) if size == 32 else (channels, 7, 7)
        else:
            assert torch.equal(weight, published[published_name]), name


def test_loading_never_asks_for_imagenet_weights(resnet, monkeypatch, tmp_path):
    parameters = resnet("resnet18", 3, 32, 32, weights="pretrained")
    encoder = build(resnet("resnet18", 3, 32, 32))
    save_encoder(tmp_path / "encoder.pt", encoder, parameters.model, parameters.data)

    def network(*args, **kwargs):
        raise AssertionError("asked for weights")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", network)
    loaded = load_encoder(tmp_path / "encoder.pt")
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), encoder.parameters(), strict=True))

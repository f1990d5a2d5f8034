import copy

import numpy as np
import pytest
import torch
from PIL import Image

from maskcon.embedding import features as embeddings
from maskcon.embedding.features import embed, embedded_rows, raw_pixel_rows
from maskcon.encoders.features.two_views import view_by_place
from maskcon.encoders.networks import build_encoder
from maskcon.encoders.networks.inference import for_inference
from maskcon.parameters.encoder import EncoderValues
from maskcon.parameters.model import check_parameters

CPU = torch.device("cpu")


def random_images(number=11, height=16, width=24):
    return np.random.default_rng(0).integers(0, 256, (number, height, width, 3), dtype=np.uint8)


def raw_pixels(images, channels, view=None):
    return np.concatenate(list(raw_pixel_rows(images, channels, view)))


def untrained(parameters):
    return build_encoder(parameters.model, parameters.data).eval()


@pytest.fixture(params=[("small_conv", 1), ("small_conv", 3), ("resnet18", 3), ("tf_efficientnet_lite0", 3)])
def trained(request, tiny_values):
    """An encoder whose batch norms are as after some training: no statistic, scale or shift is the first one.

    The last is one that torch.fx cannot read.
    """
    backbone, channels = request.param
    values = tiny_values({"data.channels": channels})
    if backbone != "small_conv":
        shared = {name: values["model"][name] for name in EncoderValues.model_fields}
        own = {"name": "resnet", "pooled": [1, 1]} if backbone == "resnet18" else {"name": "timm"}
        values["model"] = shared | own | {"backbone": backbone}
    torch.manual_seed(0)
    parameters = check_parameters(values)
    encoder = build_encoder(parameters.model, parameters.data)
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    with torch.no_grad():
        for _ in range(3):
            encoder(torch.rand(8, channels, 16, 24))
    return encoder.eval(), channels


@torch.inference_mode()
def test_features_equal_a_loop_image_by_image_and_the_encoder_stays_as_it_is(monkeypatch, trained):
    monkeypatch.setattr(embeddings, "BATCH", 4)  # 11 images: two whole batches and a part of one
    encoder, channels = trained
    before, images = copy.deepcopy(encoder.state_dict()), random_images()
    features = embed(encoder, images, channels, CPU)
    assert (features.dtype, features.shape) == (np.float32, (11, encoder.feature_size))
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-6)
    for image, feature in zip(images, features, strict=True):
        planes = torch.tensor(image[..., :channels] / 255).float().permute(2, 0, 1)
        alone = encoder(planes[None])[0].double().numpy()
        np.testing.assert_allclose(feature, alone / np.sqrt((alone**2).sum()), atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


@torch.inference_mode()
def test_no_batch_norm_is_left_where_features_are_made(trained):
    encoder, channels = trained
    folded = for_inference(encoder, torch.rand(1, channels, 16, 24))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())


def test_convolutions_on_a_gpu_are_float32_too(tiny_parameters, monkeypatch):
    encoder = untrained(tiny_parameters())
    seen = []
    encode = type(encoder).backbone_features

    def watched(self, images):
        seen.append((images.dtype, torch.backends.cudnn.allow_tf32))
        return encode(self, images)

    monkeypatch.setattr(type(encoder), "backbone_features", watched)
    embed(encoder, random_images(3), 1, CPU)
    assert seen == [(torch.float32, False)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("height", [16, 64])
def test_raw_pixels_are_the_pixels_at_unit_length_of_large_images_averages(monkeypatch, channels, height):
    monkeypatch.setattr(embeddings, "BATCH", 4)
    images = random_images(11, height)
    pixels = images[..., :channels].astype(float)
    if height == 64:
        pixels = (pixels[:, ::2] + pixels[:, 1::2]) / 2
    expected = pixels.transpose(0, 3, 1, 2).reshape(11, -1)
    features = raw_pixels(images, channels)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)


def test_larger_images_are_seen_at_the_size_of_the_encoder(tiny_parameters):
    encoder = untrained(tiny_parameters())
    images = random_images(5, 32, 32)
    small = [Image.fromarray(image).resize((24, 16), Image.BILINEAR) for image in images]
    expected = embed(encoder, np.stack([np.asarray(image) for image in small]), 1, CPU)
    np.testing.assert_allclose(embed(encoder, images, 1, CPU, (16, 24)), expected, atol=1e-6)


def test_a_part_without_images_has_features_without_rows(tiny_parameters):
    encoder = untrained(tiny_parameters())
    none = random_images(0, 40, 24)
    assert embed(encoder, none, 1, CPU, (16, 24)).shape == (0, encoder.feature_size)
    assert list(raw_pixel_rows(none, 3)) == []


def test_a_view_of_each_image_depends_on_its_place_and_the_strength_alone(monkeypatch, tiny_parameters):
    monkeypatch.setattr(embeddings, "BATCH", 4)
    data = tiny_parameters().data
    images, stretch = random_images(), np.linspace(0.5, 2, 11)

    def pixels(strength, stretch=None, augmentation=data.augmentation):
        return raw_pixels(images, 3, view_by_place(augmentation, strength, (16, 24), stretch, data.seed))

    weak = pixels("weak")
    assert np.array_equal(pixels("weak"), weak)
    assert not np.isclose(pixels("strong"), weak).all(axis=1).any()
    assert not np.isclose(raw_pixels(images, 3), weak).all(axis=1).any()
    assert not np.array_equal(pixels("weak", stretch, "small_colour"), pixels("weak", None, "small_colour"))


def test_an_encoder_sees_the_view_instead_of_the_image(monkeypatch, tiny_parameters):
    monkeypatch.setattr(embeddings, "BATCH", 4)
    encoder = untrained(tiny_parameters())
    images = random_images()
    upside_down = list(embedded_rows(encoder, images, 1, CPU, view=lambda planes, start: planes.flip(2) / 255))
    np.testing.assert_allclose(np.concatenate(upside_down), embed(encoder, images[:, ::-1], 1, CPU), atol=1e-6)

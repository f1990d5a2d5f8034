import pytest
import torch
from PIL import Image

from maskcon.runtime.randomness import torch_generator
from maskcon.views.operations.crop import resized
from maskcon.views.operations.families import view_maker


def stored(number=6, channels=3):
    return torch.randint(256, (number, channels, 40, 40), generator=torch.Generator().manual_seed(0)).byte()


@pytest.mark.parametrize("augmentation", ["characters", "small_colour", "photo", "products"])
@pytest.mark.parametrize("strength", ["weak", "strong"])
@pytest.mark.parametrize("size", [None, (40, 40), (32, 24)])
def test_views_have_the_size_that_is_asked_for_and_depend_on_their_generator_alone(augmentation, strength, size):
    images, stretch = stored(), torch.linspace(0.5, 2, 6, dtype=torch.float64)
    before, state = images.clone(), torch.get_rng_state()
    make = view_maker(augmentation, strength, size)
    view = make(images, torch_generator(0), stretch)
    assert view.shape == (6, 3, *(size or (40, 40)))
    assert view.dtype == torch.float32
    assert view.min() >= -1e-6
    assert view.max() <= 1 + 1e-6
    assert torch.equal(images, before)
    assert torch.equal(state, torch.get_rng_state())
    torch.rand(3)
    assert torch.equal(view, make(images, torch_generator(0), stretch))
    assert not torch.equal(view, make(images, torch_generator(1), stretch))


def test_the_view_called_whole_is_the_image_as_it_is():
    images = stored()
    assert torch.equal(view_maker("photo", "whole")(images, torch_generator(0)), images / 255)
    smaller = view_maker("photo", "whole", (32, 24))(images, torch_generator(0))
    assert torch.equal(smaller, resized(images, (32, 24)) / 255)


@pytest.mark.parametrize("augmentation", ["small_colour", "photo"])
def test_stretch_decides_the_box_and_one_is_the_same_as_none(augmentation):
    view = view_maker(augmentation, "weak", (24, 24))
    images = stored()
    one = torch.ones(6, dtype=torch.float64)
    plain = view(images, torch_generator(0))
    assert torch.equal(plain, view(images, torch_generator(0), one))
    assert not torch.equal(plain, view(images, torch_generator(0), one * 2))


@pytest.mark.parametrize("size", [(40, 40), (17, 23), (64, 48)])
def test_whole_images_are_resized_as_pillow_does(size):
    images = stored(3)
    for image, made in zip(images, resized(images, size), strict=True):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy()).resize(size[::-1], Image.BILINEAR)
        assert made.permute(1, 2, 0).flatten().tolist() == list(picture.tobytes())


@pytest.mark.parametrize("strength", ["weak", "strong"])
def test_views_of_products_keep_their_colours(strength):
    """Crop, flip and perspective alone, as the MaskCon experiments have both views of Online Products."""
    plain = torch.tensor([200, 100, 50], dtype=torch.uint8).view(1, 3, 1, 1).expand(64, 3, 40, 40)
    middle = view_maker("products", strength, (24, 24))(plain, torch_generator(0))[:, :, 12, 12]
    torch.testing.assert_close(middle * 255, plain[:, :, 0, 0].float(), atol=0.01, rtol=0)
    assert torch.equal(
        view_maker("products", strength)(stored(), torch_generator(1)),
        view_maker("photo", "weak")(stored(), torch_generator(1)),
    )

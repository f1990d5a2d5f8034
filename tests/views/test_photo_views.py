"""Each operation against torchvision's, image by image, with the same drawn values."""

import numpy as np
import pytest
import torch
from torchvision.transforms import RandomPerspective
from torchvision.transforms.v2 import functional as V

from maskcon.views import photo
from maskcon.views.operations import perspective
from maskcon.views.operations.crop import draw_crops, resized_crop

NUMBER, HEIGHT, WIDTH = 12, 40, 56


@pytest.fixture
def images():
    """Noise, with one image all black, one all white, one grey, and one of pure colours."""
    made = torch.rand(NUMBER, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    made[0], made[1] = 0, 1
    made[2] = made[2, :1]
    made[3] = made[3].round()
    return made


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def factors(low, high):
    return torch.cat([torch.tensor([low, high]), torch.empty(NUMBER - 2).uniform_(low, high, generator=seeded(1))])


CHANGES = {
    "brightness": (photo.adjust_brightness, V.adjust_brightness, (0.0, 2.0)),
    "contrast": (photo.adjust_contrast, V.adjust_contrast, (0.0, 2.0)),
    "saturation": (photo.adjust_saturation, V.adjust_saturation, (0.0, 2.0)),
    "hue": (photo.adjust_hue, V.adjust_hue, (-0.5, 0.5)),
    "grey": (lambda images, _: photo.grey(images), lambda image, _: V.rgb_to_grayscale(image, 3), (0.0, 1.0)),
    "blur": (photo.blur, lambda image, sigma: V.gaussian_blur(image, [17, 17], [sigma, sigma]), (0.1, 2.0)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_equal_torchvisions(images, name):
    change, of_torchvision, (low, high) = CHANGES[name]
    amounts = factors(low, high)
    expected = [of_torchvision(image, float(amount)) for image, amount in zip(images, amounts, strict=True)]
    expected = torch.stack(expected)
    torch.testing.assert_close(change(images, amounts), expected, atol=2e-5, rtol=0)


def test_perspective_equals_torchvisions(images):
    corners = perspective.draw_corners(NUMBER, HEIGHT, WIDTH, seeded())
    start = [[0, 0], [WIDTH - 1, 0], [WIDTH - 1, HEIGHT - 1], [0, HEIGHT - 1]]
    expected = [
        V.perspective(image[None], start, end.tolist(), fill=None)[0]
        for image, end in zip(images, corners, strict=True)
    ]
    made = perspective.change_perspective(images, corners)
    difference = (made - torch.stack(expected)).abs()
    assert difference.mean() < 1e-4
    assert difference.max() < 0.02  # noise of the largest slope: a place in the image is off by at most 1/100 pixel


def test_corners_follow_torchvisions_law():
    """Means and extremes of each coordinate, of many draws."""
    torch.manual_seed(0)
    number = 3000
    drawn = perspective.draw_corners(number, HEIGHT, WIDTH, seeded())
    theirs = torch.tensor(
        [RandomPerspective.get_params(WIDTH, HEIGHT, perspective.DISTORTION)[1] for _ in range(number)]
    ).float()
    assert drawn.shape == theirs.shape == (number, 4, 2)
    assert torch.equal(drawn.amin(dim=0), theirs.amin(dim=0))
    assert torch.equal(drawn.amax(dim=0), theirs.amax(dim=0))
    assert (drawn.mean(dim=0) - theirs.mean(dim=0)).abs().max() < 0.4  # standard error 0.11
    assert (drawn.std(dim=0) - theirs.std(dim=0)).abs().max() < 0.3


def test_jitter_equals_torchvisions_with_the_same_draws(images, monkeypatch):
    order = torch.rand(NUMBER, 4, generator=seeded(9)).argsort(dim=1)
    drawn = []

    def between(low, high, number, generator):
        drawn.append(low + (high - low) * torch.rand(number, generator=generator))
        return drawn[-1]

    monkeypatch.setattr(photo, "_between", between)
    monkeypatch.setattr(
        torch,
        "rand",
        lambda *shape, generator, dtype=None, rand=torch.rand: (
            order.argsort(dim=1).double() if shape == (NUMBER, 4) else rand(*shape, generator=generator)
        ),
    )
    chosen = torch.arange(NUMBER) % 3 > 0
    made = photo._jittered(images.clone(), chosen, seeded(3))
    changes = [V.adjust_brightness, V.adjust_contrast, V.adjust_saturation, V.adjust_hue]
    for index in range(NUMBER):
        expected = images[index]
        for step in order[index].tolist() if chosen[index] else []:
            expected = changes[step](expected, float(drawn[step][index]))
        torch.testing.assert_close(made[index], expected, atol=5e-5, rtol=0)


@pytest.fixture
def stored():
    return torch.randint(256, (64, 3, 32, 32), generator=seeded()).byte()


def test_half_of_the_weak_views_are_mere_crops(stored):
    """And the others differ from theirs: a change of perspective."""
    view = photo.weak(stored.repeat(8, 1, 1, 1), seeded(), (24, 24))
    crops = draw_crops(512, 32, 32, seeded())
    cropped = resized_crop(stored.repeat(8, 1, 1, 1), crops, (24, 24)) / 255
    same = (view == cropped).flatten(1).all(dim=1).float().mean()
    assert abs(same - 0.5) < 0.09  # four standard errors


def test_shares_of_the_strong_changes():
    """Of views of one colour: grey ones have equal channels; colours that did not change are not jittered."""
    number = 2000
    plain = torch.tensor([200, 100, 50]).byte().view(1, 3, 1, 1).expand(number, 3, 20, 20)
    middle = photo.strong(plain, seeded())[:, :, 10, 10]  # no change of perspective reaches it
    is_grey = (middle.amax(dim=1) - middle.amin(dim=1)) < 1e-5
    as_it_was = (middle - torch.tensor([200, 100, 50]) / 255).abs().amax(dim=1) < 1e-4
    assert abs(is_grey.float().mean() - photo.GREY_SHARE) < 0.04
    assert abs(as_it_was.float().mean() - (1 - photo.JITTER_SHARE) * (1 - photo.GREY_SHARE)) < 0.04


def test_half_of_the_strong_views_are_blurred(stored, monkeypatch):
    monkeypatch.setattr(photo, "JITTER_SHARE", 0)
    monkeypatch.setattr(photo, "GREY_SHARE", 0)
    many = stored.repeat(8, 1, 1, 1)
    smallest = photo.blur(torch.full((2, 3, 8, 8), 0.5), torch.tensor([0.1, 2.0]))  # as far as an edge can be mirrored
    assert torch.allclose(smallest, torch.full((2, 3, 8, 8), 0.5))
    blurred = (photo.strong(many, seeded()) != photo.weak(many, seeded())).flatten(1).any(dim=1).float().mean()
    assert abs(blurred - 0.5) < 0.09


def test_boxes_are_drawn_as_in_the_photo():
    """Of photos twice as wide as high, stored as squares: the shape of a box in the photo follows torchvision's law."""
    number = 4000
    squashed = draw_crops(number, 256, 256, seeded(), stretch=torch.full((number,), 2.0, dtype=torch.float64))
    photos = draw_crops(number, 256, 512, seeded(1))
    in_photo = 2 * squashed.width / squashed.height
    assert in_photo.min() > 3 / 4 * 0.97
    assert in_photo.max() < 4 / 3 * 1.03
    for ours, theirs in [
        (squashed.width * squashed.height / 256**2, photos.width * photos.height / (256 * 512)),
        (in_photo.log(), (photos.width / photos.height).log()),
        (squashed.top / 256, photos.top / 256),
        (squashed.left / 256, photos.left / 512),
    ]:
        assert abs(ours.double().mean() - theirs.double().mean()) < 5 * theirs.double().std() / np.sqrt(number / 2)
        assert abs(ours.double().std() / theirs.double().std() - 1) < 0.08

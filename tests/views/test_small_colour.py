import pytest
import torch
from pillow_pictures import pictures

from maskcon.runtime.randomness import torch_generator
from maskcon.views.operations.autoaugment import autoaugment, draw_policies
from maskcon.views.operations.crop import draw_crops, resized_crop
from maskcon.views.small_colour import strong, weak


def test_weak_is_a_crop_of_a_fifth_to_all_and_strong_the_policy_after_it():
    images = pictures(200, 32, 32)
    generator = torch_generator(0, "views")
    crops = draw_crops(200, 32, 32, generator, scale=(0.2, 1.0))
    cropped = resized_crop(images, crops, (32, 32))
    assert torch.equal(weak(images, torch_generator(0, "views")), cropped)
    policies = draw_policies(200, generator)
    views = strong(images, torch_generator(0, "views"))
    assert torch.equal(views, autoaugment(cropped, policies))
    changed = (views != cropped).flatten(1).any(dim=1)
    assert changed.sum() > 100
    assert policies.applied.any(dim=1)[changed].all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("view", [weak, strong])
def test_other_device_same_bytes(view):
    images = pictures(600, 32, 32)
    expected = view(images, torch_generator(0, "views"))
    views = view(images.cuda(), torch_generator(0, "views"))
    assert views.device.type == "cuda"
    assert (views.cpu().int() - expected.int()).abs().max() <= 1
    assert (views.cpu() == expected).double().mean() > 0.9999

import math

import pytest
import torch
from pillow_pictures import from_pillow, pictures, to_pillow
from scipy.stats import chisquare
from test_pillow_operations import PILLOW
from torchvision.transforms import AutoAugment, AutoAugmentPolicy

from maskcon.views.operations.autoaugment import CIFAR10_POLICY, OPERATIONS, Policies, autoaugment, draw_policies

TORCHVISION = AutoAugment(AutoAugmentPolicy.CIFAR10)
ENHANCED = ("Brightness", "Color", "Contrast", "Sharpness")
IN_PILLOW = dict(zip(OPERATIONS, (function.__name__ for function in OPERATIONS.values()), strict=True))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def strength_of(name, level, positive):
    """The strengths of the MaskCon experiments, written out."""
    sign = 1 if positive else -1
    return {
        "ShearY": lambda: sign * 0.3 * level / 9,
        "TranslateX": lambda: sign * 150 / 331 * level / 9,
        "TranslateY": lambda: sign * 150 / 331 * level / 9,
        "Rotate": lambda: 30 * level / 9,
        "Posterize": lambda: [8, 8, 7, 7, 6, 6, 5, 5, 4, 4][level],
        "Solarize": lambda: 256 * (9 - level) / 9,
        **dict.fromkeys(ENHANCED, lambda: 1 + sign * 0.9 * level / 9),
    }.get(name, lambda: 0)()


def by_pillow(images, policies):
    """The drawn operations, one image and one operation after the other."""
    views = []
    for i, image in enumerate(images):
        view = to_pillow(image)
        for turn, (name, _, level) in enumerate(CIFAR10_POLICY[policies.sub_policy[i]]):
            if policies.applied[i, turn]:
                view = PILLOW[IN_PILLOW[name]](view, strength_of(name, level, policies.positive[i, turn]))
        views.append(from_pillow(view))
    return torch.stack(views)


def test_policy_and_strengths_are_torchvisions():
    assert list(CIFAR10_POLICY) == TORCHVISION.policies
    # beside the threshold of Solarize, which the MaskCon code counts down from 256 and torchvision from 255
    space = TORCHVISION._augmentation_space(10, (32, 32))
    for name, _, level in (operation for pair in CIFAR10_POLICY for operation in pair):
        magnitudes, signed = space[name]
        if name == "Solarize":
            assert strength_of(name, level, True) == pytest.approx(magnitudes[level].item() * 256 / 255)
        elif level is not None:
            theirs = magnitudes[level].item()
            for positive in (False, True) if signed and name != "Rotate" else (True,):
                ours = strength_of(name, level, positive)
                ours = ours * 32 if name.startswith("Translate") else ours - 1 if name in ENHANCED else ours
                assert ours == pytest.approx(theirs if positive else -theirs, abs=1e-6)


@pytest.mark.parametrize("applied", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("positive", [(True, False), (False, True)])
def test_every_sub_policy_is_pillows(applied, positive):
    images, before = (pictures(25, 32, 32, seed=sum(applied)) for _ in range(2))
    every = Policies(torch.arange(25), *(torch.tensor(pair).expand(25, 2) for pair in (applied, positive)))
    for policies in (every, draw_policies(25, generator(sum(applied)))):
        assert torch.equal(autoaugment(images, policies), by_pillow(images, policies))
    assert torch.equal(images, before)


# The law of the draws

DRAWS = 100_000


def test_sub_policies_are_drawn_uniformly():
    counts = draw_policies(DRAWS, generator()).sub_policy.bincount(minlength=25)
    assert chisquare(counts.numpy()).pvalue > 0.001


def test_operations_take_place_with_their_probabilities():
    policies = draw_policies(DRAWS, generator(1))
    for row, pair in enumerate(TORCHVISION.policies):
        applied = policies.applied[policies.sub_policy == row].double()
        for turn, (_, probability, _) in enumerate(pair):
            error = math.sqrt(probability * (1 - probability) / len(applied))
            assert abs(applied[:, turn].mean() - probability) <= 4.5 * error  # 50 comparisons


def test_fates_and_signs_are_independent_and_signs_even():
    policies = draw_policies(DRAWS, generator(2))
    probability = torch.tensor([[p for _, p, _ in pair] for pair in CIFAR10_POLICY])[policies.sub_policy]
    fates, signs = policies.applied.double() - probability, policies.positive.double() - 0.5
    assert (signs.mean(0).abs() < 4 * 0.5 / math.sqrt(DRAWS)).all()
    correlations = torch.corrcoef(torch.cat([fates, signs], dim=1).T) - torch.eye(4)
    assert correlations.abs().max() < 4.5 / math.sqrt(DRAWS)

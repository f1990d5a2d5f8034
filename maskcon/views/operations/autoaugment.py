"""The AutoAugment policy for CIFAR-10, one draw per image, the whole batch at once.

Cubuk et al., AutoAugment: Learning Augmentation Strategies from Data, CVPR 2019, appendix (table of CIFAR-10
sub-policies), with the strengths and the grey filling of the MaskCon experiments (Feng & Patras, CVPR 2023):
each image draws one of 25 sub-policies, and each of its two operations takes place with its own probability.
In the sub-policy of two Equalize the second has the published 0.6, where the code of MaskCon has 0.8.

    policies = draw_policies(len(images), generator)   # on the CPU
    views = autoaugment(images, policies)              # on the images' device
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from maskcon.views.operations import pillow_operations as pillow
from maskcon.views.operations.draws import draw_for_each, uniform

OPERATIONS = {
    "Invert": pillow.invert,
    "Posterize": pillow.posterize,
    "Solarize": pillow.solarize,
    "AutoContrast": pillow.autocontrast,
    "Equalize": pillow.equalize,
    "Brightness": pillow.brightness,
    "Color": pillow.color,
    "Contrast": pillow.contrast,
    "Sharpness": pillow.sharpness,
    "TranslateX": pillow.translate_x,
    "TranslateY": pillow.translate_y,
    "Rotate": pillow.rotate,
    "ShearY": pillow.shear_y,
}

# operation, probability, level 0 ... 9 of its strength (None: it has no strength)
CIFAR10_POLICY = (
    (("Invert", 0.1, None), ("Contrast", 0.2, 6)),
    (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
    (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)),
    (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.5, None), ("Equalize", 0.9, None)),
    (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
    (("Color", 0.4, 3), ("Brightness", 0.6, 7)),
    (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
    (("Equalize", 0.6, None), ("Equalize", 0.5, None)),
    (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
    (("Color", 0.7, 7), ("TranslateX", 0.5, 8)),
    (("Equalize", 0.3, None), ("AutoContrast", 0.4, None)),
    (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)),
    (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
    (("Solarize", 0.5, 2), ("Invert", 0.0, None)),
    (("Equalize", 0.2, None), ("AutoContrast", 0.6, None)),
    (("Equalize", 0.2, None), ("Equalize", 0.6, None)),
    (("Color", 0.9, 9), ("Equalize", 0.6, None)),
    (("AutoContrast", 0.8, None), ("Solarize", 0.2, 8)),
    (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
    (("Solarize", 0.4, 5), ("AutoContrast", 0.9, None)),
    (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.9, None), ("Solarize", 0.8, 3)),
    (("Equalize", 0.8, None), ("Invert", 0.1, None)),
    (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, None)),
)

HIGHEST_LEVEL = 9
SIGNED_STRENGTH = {"ShearY": 0.3, "TranslateX": 150 / 331, "TranslateY": 150 / 331}  # at the highest level
ENHANCEMENT = {"Brightness": 0.9, "Color": 0.9, "Contrast": 0.9, "Sharpness": 0.9}  # added to 1, or taken from it
ROTATION = 30.0  # degrees at the highest level, always counterclockwise
UNCHANGED = 0  # the number of no operation; those of OPERATIONS count from 1


@dataclass(frozen=True)
class Policies:
    """What was drawn for each image. All on the CPU."""

    sub_policy: Tensor  # int64 [B], row of CIFAR10_POLICY
    applied: Tensor  # bool [B, 2], whether its first and second operation take place
    positive: Tensor  # bool [B, 2], sign of their strengths, where they have one


def draw_policies(number: int, generator: Generator) -> Policies:
    """A sub-policy for each of ``number`` images, uniformly, and its two operations' fates and signs (even odds).

    ``generator`` is one of the CPU.
    """
    sub_policy = draw_for_each(
        lambda number: torch.randint(len(CIFAR10_POLICY), (number,), generator=generator), number, generator
    )
    return Policies(
        sub_policy=sub_policy,
        applied=uniform(number, generator, 2, dtype=torch.float64) < _PROBABILITY[sub_policy],
        positive=uniform(number, generator, 2) < 0.5,
    )


def autoaugment(images: Tensor, policies: Policies) -> Tensor:
    """The drawn operations done: uint8 [B, 3, H, W] to new uint8 [B, 3, H, W] on the same device."""
    for turn in range(2):
        sub_policy, positive = policies.sub_policy, policies.positive[:, turn].long()
        operation = torch.where(policies.applied[:, turn], _OPERATION[sub_policy, turn], UNCHANGED)
        images = _each_its_operation(images, operation, _STRENGTH[sub_policy, turn, positive])
    return images


def _each_its_operation(images: Tensor, operation: Tensor, strength: Tensor) -> Tensor:
    """Images sorted by operation, each operation run once on its group, images put back in their order.

    The sorting happens on the CPU, where the draws are: the device is never waited for.
    """
    order = operation.argsort(stable=True)
    sizes = operation.bincount(minlength=1 + len(OPERATIONS)).tolist()
    groups = images.index_select(0, order.to(images.device)).split(sizes)
    strengths = strength[order].to(images.device).split(sizes)
    functions = (None, *OPERATIONS.values())
    changed = [
        function(group, strength) if function and len(group) else group
        for function, group, strength in zip(functions, groups, strengths, strict=True)
    ]
    return torch.cat(changed).index_select(0, order.argsort().to(images.device))


def _strength(operation: str, level: int | None, sign: int) -> float:
    """The strength of ``level`` in the unit that the operation takes (0 for an operation without strength)."""
    share = (level or 0) / HIGHEST_LEVEL
    if operation in SIGNED_STRENGTH:
        return sign * SIGNED_STRENGTH[operation] * share
    if operation in ENHANCEMENT:
        return 1 + sign * ENHANCEMENT[operation] * share
    if operation == "Rotate":
        return ROTATION * share
    if operation == "Posterize":
        return round(8 - 4 * share)  # bits kept
    if operation == "Solarize":
        return 256 - 256 * share  # inverted from here on
    return 0.0


_NUMBER = {name: number for number, name in enumerate(OPERATIONS, start=UNCHANGED + 1)}
_OPERATION = torch.tensor([[_NUMBER[name] for name, _, _ in pair] for pair in CIFAR10_POLICY])
_PROBABILITY = torch.tensor([[p for _, p, _ in pair] for pair in CIFAR10_POLICY], dtype=torch.float64)
_STRENGTH = torch.tensor(  # [25, 2, 2]: sub-policy, turn, sign (negative, positive)
    [[[_strength(name, level, sign) for sign in (-1, 1)] for name, _, level in pair] for pair in CIFAR10_POLICY],
    dtype=torch.float64,
)

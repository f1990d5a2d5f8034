"""What a target is combined with beyond its own method: mixed images, chosen negatives, views of the nearest images.

    mixup        a second contrast, of mixed images against mixed targets, as in sane.py
    negatives    of the keys without weight in the target only those about as similar as the own key, as in potential.py
    multi_crop   views of each image's nearest images are queries too, against the image's own target; the abstract of
                 Weakly Supervised Contrastive Learning names such a multi-crop

Keys with weight in the target are never left out, so that the target stays as the method defines it. Negatives are
chosen for the plain contrast alone: a mixed image has two own keys, and so no one similarity that others are near to.
With multi_crop the loss is the mean over the image's own query view and those of its nearest images; where the method
knows coarse classes, these are of the image's class.
"""

from dataclasses import replace

from torch import Tensor

from maskcon.methods.parts.contrast import over_batch_and_queue, potential_keys
from maskcon.methods.parts.interface import (
    CHOSEN_NEGATIVES,
    MIXTURES,
    NEAREST_VIEWS,
    Keys,
    Method,
    MomentumMixup,
)
from maskcon.methods.parts.nearest_images import nearest_images
from maskcon.parameters.model import LossParameters, Mixup, Negatives


def combined(method: Method, loss: LossParameters) -> Method:
    """The method with what ``loss`` asks for, unless it is part of the method already."""
    if loss.mixup is not None and method.mixup is None:
        method = with_mixup(method, loss.mixup)
    if loss.negatives is not None and method.kept is None:
        method = with_negatives(method, loss.negatives)
    if loss.multi_crop:
        # without a choice, coarse classes are what the target is made of
        method = with_multi_crop(method, loss.multi_crop, getattr(loss, "mask_by_coarse", True))
    return method


def with_mixup(method: Method, mixup: Mixup) -> Method:
    def target(keys: Keys) -> Tensor:
        return over_batch_and_queue(method.target(keys))

    return replace(
        method,
        title=f"{method.title} with momentum mixup",
        mixup=MomentumMixup(target, mixup.weight, mixup.beta, batch_negatives=False),
        on_host=(*method.on_host, MIXTURES),
    )


def with_negatives(method: Method, negatives: Negatives) -> Method:
    def kept(similarities: Tensor, keys: Keys) -> Tensor:
        positive = method.target(keys)[:, 1:] > 0
        return potential_keys(similarities, positive, keys.progress, negatives)

    return replace(
        method,
        title=f"{method.title} with potential negatives",
        kept=kept,
        on_host=(*method.on_host, CHOSEN_NEGATIVES),
    )


def with_multi_crop(method: Method, number: int, same_coarse: bool) -> Method:
    return replace(
        method,
        title=f"{method.title} with {number} nearest images",
        memory=nearest_images(number, same_coarse),
        multi_crop=number,
        on_host=(*method.on_host, NEAREST_VIEWS),
    )

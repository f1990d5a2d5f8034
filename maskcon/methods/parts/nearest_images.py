"""The nearest images of every image, found anew before every epoch: what multi-crop takes its further views from.

Weakly Supervised Contrastive Learning names a multi-crop of K nearest neighbours in its abstract; the published code
has none. This is a RECONSTRUCTION: the neighbours are those at the epoch's start, among all training images, and a
further view is a query view at full size, not a smaller crop.
"""

import torch
from torch import Tensor, nn

from maskcon.methods.parts.interface import Memory

CHUNK = 1024  # images compared with all others at a time


class NearestImages(nn.Module):
    """int64 [N, number]: places in the training set, nearest first.

    It grows with the training set, and so is not part of the state dict; a checkpoint holds it beside.
    """

    nearest: Tensor

    def __init__(self, number: int):
        super().__init__()
        self.register_buffer("nearest", torch.zeros(0, number, dtype=torch.int64), persistent=False)


def nearest_images(number: int, same_coarse: bool) -> Memory:
    """A memory of each image's nearest images, of all images or of those of its coarse class."""

    def renew(memory: NearestImages, keys: Tensor, coarse: Tensor, epoch: int, generator: torch.Generator) -> None:
        group = coarse if same_coarse else torch.zeros_like(coarse)
        memory.nearest = nearest_within(keys, group, number)

    return Memory(build=lambda projection_size, coarse_classes: NearestImages(number), renew=renew)


def nearest_within(keys: Tensor, group: Tensor, number: int) -> Tensor:
    """int64 [N, number]: of each image the nearest others of its group; itself where the group has too few.

    Args:
        keys: float32 [N, D], unit rows.
        group: int64 [N].
    """
    places = torch.arange(len(keys), device=keys.device)
    nearest = places[:, None].repeat(1, number)
    for one in group.unique():
        members = places[group == one]
        count = min(number, len(members) - 1)
        for some in members.split(CHUNK):
            similarity = keys[some] @ keys[members].T
            similarity.masked_fill_(some[:, None] == members[None, :], -torch.inf)
            nearest[some, :count] = members[similarity.topk(count, dim=1).indices]
    return nearest

"""Random views of the images of a set, by the data set's own augmentation.

view = view_by_place("characters", "weak", (16, 24), stretch, seed)
rows = backbone_rows(encoder, images, 1, device, view=view)
"""

import numpy as np
import torch
from torch import Tensor

from maskcon.encoders.features.whole import BatchView
from maskcon.runtime.randomness import torch_generator
from maskcon.views.operations.families import view_maker


def view_by_place(
    augmentation: str, strength: str, size: tuple[int, int], stretch: np.ndarray | None, seed: int
) -> BatchView:
    """A view of each image of a set, the same for all encoders: it depends on the seed and on the image's place.

    Args:
        stretch: float64 [N], see crop.draw_crops, or None.
    """
    make = view_maker(augmentation, strength, size)
    stretches = None if stretch is None else torch.from_numpy(stretch)

    def view(planes: Tensor, start: int) -> Tensor:
        generator = torch_generator(seed, "view retrieval", strength, start)
        return make(planes, generator, None if stretches is None else stretches[start : start + len(planes)])

    return view

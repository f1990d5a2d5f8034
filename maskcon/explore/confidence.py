"""How far a found image can be trusted: how often one of its rank and about its cosine was right.

    confidence = measured_confidence(gallery, ranks=10)
    confidence.right(found.nearest[0])            # 79, of confidence.images

It is counted on the validation part, which training never saw: each of its images is searched for in the gallery.
"Right" is of its own fine class; where not all have fine labels, of its own coarse class.
"""

from dataclasses import dataclass

import numpy as np
import torch

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours
from maskcon.explore.gallery import Gallery
from maskcon.explore.search import Finder, Found, Neighbour
from maskcon.runtime.randomness import numpy_generator

SAMPLE, ALIKE = 1000, 100  # images searched for; those that are about as near as the image asked about
FAR = 0.99  # a photo has no good match where this share of images has a nearer one


@dataclass(frozen=True)
class Confidence:
    label: str  # "fine" or "coarse"
    cosines: np.ndarray  # float32 [S, R], of what is nearest to each image of the sample
    are_right: np.ndarray  # bool [S, R]

    @property
    def images(self) -> int:
        """How many images a count is of; 0: nothing is known."""
        return min(ALIKE, len(self.cosines))

    def right(self, near: Neighbour) -> int | None:
        """Of the images whose neighbour of its rank is about as near, how many have a right one; None: not known."""
        if not self.images or near.rank > self.cosines.shape[1]:
            return None
        of_rank = near.rank - 1
        alike = np.argsort(np.abs(self.cosines[:, of_rank] - near.cosine), kind="stable")[: self.images]
        return int(self.are_right[alike, of_rank].sum())

    def is_good(self, found: Found) -> bool:
        """Whether what is nearest is as near as in all but the most distant images."""
        nearer = (self.cosines[:, :1] > found.nearest[0].cosine).sum()
        return not self.images or bool(nearer < FAR * len(self.cosines))


def measured_confidence(gallery: Gallery, ranks: int, finder: Finder | None = None) -> Confidence:
    """Of at most SAMPLE validation images; of none where there are none. ``finder`` as in ``search``."""
    ranks, validation = min(ranks, len(gallery)), gallery.validation
    if validation is None:
        return Confidence("fine", np.empty((0, ranks), np.float32), np.empty((0, ranks), bool))
    order = numpy_generator(0, "images that confidence is measured on").permutation(len(validation.labels))
    sample = np.sort(order[:SAMPLE])
    queries = validation.features[sample]
    if finder:
        places, cosines = finder(queries, ranks)
    else:
        found = gallery_neighbours(torch.from_numpy(queries), torch.from_numpy(gallery.features), ranks)
        places, cosines = (one.numpy() for one in found)
    asked, there = validation.labels.fine, gallery.labels.fine
    has_fine = asked is not None and there is not None
    if not has_fine:
        asked, there = validation.labels.coarse, gallery.labels.coarse
    return Confidence("fine" if has_fine else "coarse", cosines, there[places] == asked[sample, None])

"""How far a found image can be trusted: how often one of its rank and about its cosine was right.

    confidence = measured_confidence(gallery, ranks=10)
    confidence.right(found.nearest[0])            # 79, of confidence.images

It is counted on images of the gallery, which training never saw: each is searched for among the others. "Right" is of
its own fine class; where not all have fine labels, of its own coarse class.
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
    cosines: np.ndarray  # float32 [S, R], of the neighbours of each image of the sample
    are_right: np.ndarray  # bool [S, R]

    @property
    def images(self) -> int:
        """How many images a count is of."""
        return min(ALIKE, len(self.cosines))

    def right(self, near: Neighbour) -> int | None:
        """Of the images whose neighbour of its rank is about as near, how many have a right one; None: not known."""
        if near.rank > self.cosines.shape[1]:
            return None
        of_rank = near.rank - 1
        alike = np.argsort(np.abs(self.cosines[:, of_rank] - near.cosine), kind="stable")[: self.images]
        return int(self.are_right[alike, of_rank].sum())

    def is_good(self, found: Found) -> bool:
        """Whether what is nearest is as near as in all but the most distant images."""
        return not (self.cosines[:, :1] > found.nearest[0].cosine).sum() >= FAR * len(self.cosines)


def measured_confidence(gallery: Gallery, ranks: int, finder: Finder | None = None) -> Confidence:
    """Of at most SAMPLE images of the gallery; ``finder`` as in ``search``."""
    features, labels = gallery.features, gallery.labels
    ranks = min(ranks, len(gallery) - 1)
    sample = np.sort(numpy_generator(0, "images that confidence is measured on").permutation(len(gallery))[:SAMPLE])
    if finder:
        places, cosines = finder(features[sample], ranks + 1)
    else:
        found = gallery_neighbours(torch.from_numpy(features[sample]), torch.from_numpy(features), ranks + 1)
        places, cosines = (one.numpy() for one in found)
    others = places != sample[:, None]
    others[others.all(axis=1), -1] = False  # where more images than that are equal to it
    places, cosines = (one[others].reshape(len(sample), ranks) for one in (places, cosines))
    of = labels.coarse if labels.fine is None else labels.fine
    return Confidence("coarse" if labels.fine is None else "fine", cosines, of[places] == of[sample, None])

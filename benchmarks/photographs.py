"""Pictures to measure on: parts of the two photographs that come with scikit-learn.

    images = photographs(512, side=32)      # uint8 [512, 32, 32, 3]

No download is needed, and histograms, edges and flat parts are those of photographs, which is what the time of an
augmentation and the size of a rounding error depend on.
"""

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

LARGEST_PART = 4  # times the side


def photographs(number: int, side: int) -> np.ndarray:
    """uint8 [number, side, side, 3]: squares of one to four times the side, at random places, averaged down."""
    random = np.random.default_rng(0)
    photos = load_sample_images().images
    images = np.empty((number, side, side, 3), np.uint8)
    for one in range(number):
        photo = photos[random.integers(len(photos))]
        part = int(random.integers(side, min(LARGEST_PART * side, *photo.shape[:2]) + 1))
        top, left = (int(random.integers(0, size - part + 1)) for size in photo.shape[:2])
        square = Image.fromarray(photo[top : top + part, left : left + part])
        images[one] = np.asarray(square.resize((side, side), Image.Resampling.BOX))
    return images

"""Images to try augmentation on: noise, photograph-like pictures, and ones that drive an operation to its edge.

images = pictures(100, 32, 32)   # uint8 [100, 3, 32, 32]
"""

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def pictures(number: int, height: int, width: int, seed: int = 0) -> Tensor:
    """A third noise, a third smooth colours with a hard-edged object, the rest in part flat or of few levels."""
    random = np.random.default_rng(seed)
    kinds = (_noise, _photograph_like, _few_levels)
    images = [kinds[i % len(kinds)](random, height, width) for i in range(number)]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def to_pillow(image: Tensor) -> Image.Image:
    return Image.fromarray(image.permute(1, 2, 0).numpy())


def from_pillow(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def _noise(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    return random.integers(0, 256, (height, width, 3), dtype=np.uint8)


def _photograph_like(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    coarse = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    picture = np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    top, left = random.integers(0, height // 2), random.integers(0, width // 2)
    picture[top : top + height // 3, left : left + width // 3] = random.integers(0, 256, 3)
    return picture


def _few_levels(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    levels = random.integers(0, 256, random.integers(1, 6))  # one level only: a flat image
    picture = random.choice(levels, (height, width, 3)).astype(np.uint8)
    picture[..., random.integers(0, 3)] = random.integers(0, 256)
    return picture

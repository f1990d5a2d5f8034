"""Features around a centre for each of 12 fine classes, 4 in each of 3 coarse classes."""

import numpy as np
import torch

from maskcon.evaluation.measures.shared.measured import Part


def part(images: int, seed: int, noise: float = 0.5, has_fine: bool = True) -> Part:
    centres = np.random.default_rng(0).standard_normal((12, 16))
    fine = np.arange(images) % 12
    features = centres[fine] + noise * np.random.default_rng(seed).standard_normal((images, 16))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return Part(torch.tensor(features, dtype=torch.float32), fine // 4, fine if has_fine else None)

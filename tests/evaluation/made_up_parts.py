"""Features made up for the tests: rows of any direction, points on a circle, and parts with fine and coarse classes."""

import numpy as np
import torch

from maskcon.evaluation.measures.shared.measured import Part


def unit_rows(images: int, size: int, seed: int = 0) -> torch.Tensor:
    rows = torch.randn(images, size, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


def on_a_circle(*degrees: float) -> torch.Tensor:
    angles = torch.tensor(degrees).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def part(images: int, seed: int, noise: float = 0.5, has_fine: bool = True) -> Part:
    """Features around a centre for each of 12 fine classes, 4 in each of 3 coarse classes."""
    centres = np.random.default_rng(0).standard_normal((12, 16))
    fine = np.arange(images) % 12
    features = centres[fine] + noise * np.random.default_rng(seed).standard_normal((images, 16))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return Part(torch.tensor(features, dtype=torch.float32), fine // 4, fine if has_fine else None)

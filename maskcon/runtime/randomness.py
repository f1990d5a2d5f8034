"""Named random generators, all derived from the run's seed.

Each use of randomness asks for its own generator by name and position (epoch, step). Nothing depends on how
many numbers another part has drawn, so a run that resumes at step 700 draws what it would have drawn anyway.

    order = torch.randperm(n, generator=torch_generator(seed, "order", epoch))
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derived_seed(seed: int, *name: str | int) -> int:
    """A 63-bit seed for the use called ``name``, by SHA-256 (so that neighbouring seeds are unrelated)."""
    text = "/".join(str(part) for part in (seed, *name))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def torch_generator(seed: int, *name: str | int) -> torch.Generator:
    """A torch generator of its own, on the CPU, for the use called ``name``."""
    import torch  # here, so that stages without torch do not wait seconds for it

    return torch.Generator().manual_seed(derived_seed(seed, *name))


def numpy_generator(seed: int, *name: str | int) -> np.random.Generator:
    """A numpy generator (PCG64) of its own for the use called ``name``."""
    return np.random.Generator(np.random.PCG64(derived_seed(seed, *name)))

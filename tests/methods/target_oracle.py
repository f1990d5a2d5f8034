"""Targets written as loops over Python floats, from the definitions: slow, and nothing shared with the fast code.

Arguments everywhere: own [B][D] and queue [K][D], keys; own_coarse [B] and queue_coarse [K], labels. Every function
returns a list of rows [B][1 + K].
"""

import math

import torch

from maskcon.methods.parts.interface import Keys


def selfcon(own, queue, own_coarse, queue_coarse):
    return [[1.0] + [0.0] * len(queue) for _ in own]


def supcon(own, queue, own_coarse, queue_coarse):
    rows = []
    for label in own_coarse:
        positives = [1.0] + [1.0 if other == label else 0.0 for other in queue_coarse]
        rows.append([positive / sum(positives) for positive in positives])
    return rows


def grafit(own, queue, own_coarse, queue_coarse, w):
    rows = supcon(own, queue, own_coarse, queue_coarse)
    return [[w * value + (1 - w) * (column == 0) for column, value in enumerate(row)] for row in rows]


def maskcon_as_published(own, queue, own_coarse, queue_coarse, w, soft_temperature):
    """The published procedure, step by step, with its two divisions and its maximum over masked similarities.

    Where the class is absent from the queue it divides 0 by 0; there its own key is the target.
    """
    rows = []
    for key, label in zip(own, own_coarse, strict=True):
        same = [1.0 if other == label else 0.0 for other in queue_coarse]
        similarity = [_dot(key, entry) / soft_temperature for entry in queue]
        similarity = [value * mask for value, mask in zip(similarity, same, strict=True)]
        top = max(similarity)
        weights = [math.exp(value - top) * mask for value, mask in zip(similarity, same, strict=True)]
        if sum(weights) == 0:
            rows.append([1.0] + [0.0] * len(queue))
            continue
        weights = [weight / sum(weights) for weight in weights]
        weights = [weight / max(weights) for weight in weights]
        with_own = [1.0, *weights]
        with_own = [weight / sum(with_own) for weight in with_own]
        rows.append([w * weight + (1 - w) * (column == 0) for column, weight in enumerate(with_own)])
    return rows


def maskcon_closed_form(own, queue, own_coarse, queue_coarse, w, soft_temperature):
    """Z = w [1, r] / (1 + sum r) + (1 - w) e_0,  r_j = m_j exp((s_j - max of s over the class) / T)."""
    rows = []
    for key, label in zip(own, own_coarse, strict=True):
        similarity = {j: _dot(key, entry) for j, entry in enumerate(queue) if queue_coarse[j] == label}
        best = max(similarity.values(), default=0.0)
        r = [math.exp((similarity[j] - best) / soft_temperature) if j in similarity else 0.0 for j in range(len(queue))]
        rows.append([w / (1 + sum(r)) + 1 - w] + [w * value / (1 + sum(r)) for value in r])
    return rows


def random_keys(seed: int, batch: int = 6, size: int = 9, dimensions: int = 5, classes: int = 3) -> Keys:
    """Unit keys in random directions, with random labels."""
    generator = torch.Generator().manual_seed(seed)

    def unit(rows: int) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.randn(rows, dimensions, generator=generator), dim=1)

    return Keys(
        own=unit(batch),
        queue=unit(size),
        own_coarse=torch.randint(classes, (batch,), generator=generator),
        queue_coarse=torch.randint(classes, (size,), generator=generator),
    )


def expected(oracle, keys: Keys, *values: float) -> torch.Tensor:
    """The oracle's rows, float64 [B, 1 + K]."""
    rows = oracle(
        keys.own.double().tolist(),
        keys.queue.double().tolist(),
        keys.own_coarse.tolist(),
        keys.queue_coarse.tolist(),
        *values,
    )
    return torch.tensor(rows, dtype=torch.float64)


def _dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))

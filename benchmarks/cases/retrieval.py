"""Retrieval: Recall@K, and exact neighbours."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks import published_recipe
from benchmarks.contest import Case, Contest
from maskcon.evaluation.retrieval.neighbours import neighbours_by_chunk
from maskcon.runtime.randomness import torch_generator

RANKS = (1, 2, 5, 10, 50, 100)
SAME_RECALL = 1e-4  # of 10,000 queries one may stand at a rounded similarity's edge


def clustered(images: int, size: int, classes: int) -> tuple[Tensor, Tensor]:
    """Unit rows float32 [images, size] about the centre of their class, and the classes int64 [images]."""
    generator = torch_generator(0, "clusters")
    labels = torch.randint(classes, (images,), generator=generator)
    features = torch.randn(images, size, generator=generator)
    features += 0.3 * torch.randn(classes, size, generator=generator)[labels]
    return torch.nn.functional.normalize(features, dim=1), labels


def our_recall_at(features: Tensor, labels: Tensor) -> dict[int, float]:
    """Recall@K by the parts that the evaluation is made of."""
    hits = dict.fromkeys(RANKS, 0)
    for rows, neighbours, _ in neighbours_by_chunk(features, max(RANKS)):
        matches = labels[neighbours] == labels[rows, None]
        for k in RANKS:
            hits[k] += int(matches[:, :k].any(dim=1).sum())
    return {k: count / len(features) for k, count in hits.items()}


def recall_against_published(features: Tensor, labels: Tensor, allowed: float = SAME_RECALL) -> Contest:
    ours = partial(our_recall_at, features, labels)
    peer = partial(published_recipe.recall_at, features, labels, RANKS)

    def difference() -> float:
        mine, theirs = ours(), peer()
        return max(abs(mine[k] - theirs[k]) for k in RANKS)

    return Contest(ours, peer, difference, allowed)


def neighbours_against_faiss(images: int, size: int, count: int = 100) -> Contest:
    import faiss

    features, _ = clustered(images, size, classes=images // 60)
    rows = features.numpy()

    def ours() -> np.ndarray:
        return torch.cat([found for _, found, _ in neighbours_by_chunk(features, count)]).numpy()

    def peer() -> np.ndarray:
        """The exact index of faiss, the query itself dropped from one neighbour more than asked for."""
        index = faiss.IndexFlatIP(size)
        index.add(rows)
        _, found = index.search(rows, count + 1)
        others = found != np.arange(images)[:, None]
        others[others.all(axis=1), -1] = False
        return found[others].reshape(images, count)

    def difference() -> float:
        """The share of places at which another image stands."""
        return float((ours() != peer()).mean())

    return Contest(ours, peer, difference, 1e-3)


PUBLISHED = "published recipe: a tenth of the similarities at a time"


CASES = [
    Case(
        name="recall_10000",
        work="Recall@K of 10,000 x 512",
        peer=PUBLISHED,
        prepare=lambda: recall_against_published(*clustered(10_000, 512, classes=166)),
        wanted=1.0,
        rounds=9,
    ),
    Case(
        name="neighbours_faiss",
        work="the 100 nearest of each of 10,000 x 512",
        peer="faiss, exact index",
        prepare=partial(neighbours_against_faiss, 10_000, 512),
        rounds=9,
        packages=("faiss-cpu",),
    ),
]

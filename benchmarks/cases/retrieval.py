"""Retrieval: Recall@K by time and by memory, exact neighbours, and maps by t-SNE."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import published_recipe
from benchmarks.case import Contest, MemoryCase, TimeCase, peer_package
from maskcon.evaluation.retrieval.neighbours import nearest_neighbours, neighbours_by_chunk
from maskcon.evaluation.retrieval.recall import hit_at, rank_of_first_match
from maskcon.figures.tsne import two_dimensional_map
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


def our_recall_at(features: Tensor, labels: Tensor, queries: int | None = None) -> dict[int, float]:
    """Recall@K of the first so many images (of all, unless said) by the parts that the evaluation is made of."""
    number = len(features) if queries is None else queries
    hits = dict.fromkeys(RANKS, 0)
    for rows, neighbours in neighbours_by_chunk(features, max(RANKS)):
        rank = rank_of_first_match(labels[neighbours] == labels[rows, None])[: number - rows.start]
        for k in RANKS:
            hits[k] += int(hit_at(rank, k).sum())
        if rows.stop >= number:
            break
    return {k: count / number for k, count in hits.items()}


def largest_difference(ours: dict, theirs: dict) -> float:
    return max(abs(ours[k] - theirs[k]) for k in ours)


def recall_against_published(images: int, size: int) -> Contest:
    features, labels = clustered(images, size, classes=images // 60)
    ours = partial(our_recall_at, features, labels)
    peer = partial(published_recipe.recall_at, features, labels, RANKS)
    return Contest(ours, peer, lambda: largest_difference(ours(), peer()), SAME_RECALL)


def neighbours_against_faiss(images: int, size: int, count: int = 100) -> Contest:
    faiss = peer_package("faiss")
    features, _ = clustered(images, size, classes=images // 60)
    rows = features.numpy()

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
        return float((nearest_neighbours(features, count).numpy() != peer()).mean())

    return Contest(lambda: nearest_neighbours(features, count), peer, difference, 1e-3)


# Memory: in processes of their own


def make_features(folder: Path, images: int, size: int, queries: int) -> None:
    features, labels = clustered(images, size, classes=images // 60)
    np.save(folder / "features.npy", features.numpy())
    np.save(folder / "labels.npy", labels.numpy())
    (folder / "queries.json").write_text(json.dumps(queries))


def _prepared(folder: Path, recall: Callable[..., dict]) -> Callable[[], dict[str, float]]:
    features, labels = (
        torch.from_numpy(np.load(folder / f"{name}.npy", allow_pickle=False)) for name in ("features", "labels")
    )
    queries = json.loads((folder / "queries.json").read_text())
    recall(features[:2000], labels[:2000])  # what the first call sets up is not the work's own
    return lambda: {str(k): value for k, value in recall(features, labels, queries=queries).items()}


def ours_recall(folder: Path) -> Callable[[], dict[str, float]]:
    return _prepared(folder, our_recall_at)


def published_recall(folder: Path) -> Callable[[], dict[str, float]]:
    return _prepared(folder, partial(published_recipe.recall_at, ranks=RANKS))


# Maps


def map_against_opentsne(points: int) -> Contest:
    """Both lay out the same points; maps differ, and are compared by how well they keep neighbourhoods."""
    opentsne = peer_package("openTSNE")
    features, _ = clustered(points, 64, classes=50)
    rows = features.numpy()
    maps: dict[str, Any] = {}

    def ours() -> None:
        maps["ours"] = two_dimensional_map(rows, perplexity=30, seed=1)

    def peer() -> None:
        maps["peer"] = opentsne.TSNE(perplexity=30, random_state=1, n_jobs=1).fit(rows)

    def difference() -> float:
        from sklearn.manifold import trustworthiness

        ours()
        peer()
        kept = {
            name: trustworthiness(rows[:2000], np.asarray(one)[:2000], n_neighbors=15) for name, one in maps.items()
        }
        return abs(kept["ours"] - kept["peer"])

    return Contest(ours, peer, difference, 0.05)


PUBLISHED = "published recipe: a tenth of the similarities at a time"


def memory_case(images: int, size: int, queries: int, alone: bool = False, full: bool = False) -> MemoryCase:
    of = "" if queries == images else f", the first {queries:,} as queries"
    return MemoryCase(
        name=f"recall_memory_{images}_{queries}",
        work=f"memory of Recall@K of {images:,} x {size}{of}",
        peer="none: its similarities would take " + f"{4 * images * images / 10 / 2**30:,.0f} GiB"
        if alone
        else PUBLISHED,
        make_data=partial(make_features, images=images, size=size, queries=queries),
        ours="benchmarks.cases.retrieval:ours_recall",
        peer_function=None if alone else "benchmarks.cases.retrieval:published_recall",
        difference=largest_difference,
        allowed=SAME_RECALL,
        wanted=None if alone else 1 / 3,
        full=full,
    )


CASES = [
    TimeCase(
        name="recall_10000",
        work="Recall@K of 10,000 x 512",
        peer=PUBLISHED,
        prepare=partial(recall_against_published, 10_000, 512),
        wanted=1.0,
        rounds=9,
    ),
    TimeCase(
        name="recall_60000",
        work="Recall@K of 60,000 x 512",
        peer=PUBLISHED,
        prepare=partial(recall_against_published, 60_000, 512),
        wanted=1.0,
        rounds=7,
        full=True,
    ),
    TimeCase(
        name="neighbours_faiss",
        work="the 100 nearest of each of 10,000 x 512",
        peer="faiss, exact index",
        prepare=partial(neighbours_against_faiss, 10_000, 512),
        rounds=9,
        packages=("faiss-cpu",),
    ),
    memory_case(60_000, 512, queries=6_000),
    memory_case(60_000, 512, queries=60_000, full=True),
    memory_case(1_000_000, 128, queries=4_096, alone=True, full=True),
    TimeCase(
        name="map_opentsne",
        work="a map of 5,000 x 64 by t-SNE, one thread",
        peer="openTSNE, its own number of iterations",
        prepare=partial(map_against_opentsne, 5_000),
        threads=1,
        rounds=3,
        full=True,
        packages=("openTSNE", "scikit-learn"),
    ),
]

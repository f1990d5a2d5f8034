"""What one feature file is worth in retrieval: every metric is the mean of a score that each query has.

scores = query_scores(features, coarse, fine, recall_at=[1, 5])  # {"recall_at_1": [N], ...}
metrics = mean_with_interval(scores, samples=2000, generator=generator)
    # {"recall_at_1": 0.96, ..., "interval": ...}
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from maskcon.evaluation.retrieval.intervals import Scores
from maskcon.evaluation.retrieval.neighbours import gallery_neighbours_by_chunk, neighbours_by_chunk
from maskcon.parameters.errors import UserError


def measurable_recall_at(recall_at: Iterable[int], images: int) -> list[int]:
    """The K for which there are K others to look at. The rest would say nothing: nobody can be asked for the 100
    nearest of 40 images, and the same list of K should do for a small folder and a large set.

    Raises:
        UserError: not even one neighbour, as there are fewer than two images.
    """
    if images < 2:
        raise UserError(
            f"the images to evaluate are {images}, but a nearest neighbour needs at least 2; "
            "give the part named by evaluate.split more images"
        )
    return [k for k in recall_at if k < images]


def query_scores(
    features: Tensor, coarse: np.ndarray, fine: np.ndarray | None, recall_at: list[int], average_precision: bool = True
) -> Scores:
    """The scores of every query, with all other images as its gallery.

    A query counts for Recall@K if at least one of its K nearest others has its label: Recall@K is the mean over all
    queries (Feng and Patras, MaskCon, CVPR 2023, as its published code has it). A query whose class has no other image
    cannot be a hit; it counts as a miss there and here.

    Args:
        features: float32 [N, F], unit rows, on any device.
        coarse: int64 [N].
        fine: int64 [N], or None: then only the coarse score.
        recall_at: the K of Recall@K, each less than N.
        average_precision: whether to score that too; it needs as many neighbours as the largest class has images.

    Returns:
        recall_at_K for each K, mean_average_precision_at_r (both of fine labels) and coarse_recall_at_1.
    """
    device = features.device
    coarse = torch.tensor(coarse, device=device)
    count = 1
    if fine is not None:
        relevant = torch.tensor(class_size(fine) - 1, device=device)
        fine = torch.tensor(fine, device=device)
        count = max(recall_at)
        if average_precision:
            count = max(count, int(relevant.max()))

    chunks = []
    for queries, neighbours, _ in neighbours_by_chunk(features, count):
        scores = {}
        if fine is not None:
            matches = fine[neighbours] == fine[queries, None]
            scores |= {f"recall_at_{k}": matches[:, :k].any(dim=1) for k in recall_at}
            if average_precision:
                scores["mean_average_precision_at_r"] = average_precision_at_r(matches, relevant[queries])
        scores["coarse_recall_at_1"] = coarse[neighbours[:, 0]] == coarse[queries]
        chunks.append({name: of.cpu() for name, of in scores.items()})
    return {name: torch.cat([chunk[name] for chunk in chunks]).double().numpy() for name in chunks[0]}


def view_retrieval(queries: Tensor, gallery: Tensor) -> np.ndarray:
    """float64 [N]: 1 where, of all images, the view most similar to a view of an image is the other view of that image.

    It needs no labels, and says whether features hold an image together and apart from others.

    Args:
        queries: float32 [N, F], unit rows, a view of each image.
        gallery: float32 [N, F], another view of each, in the same order.
    """
    own = torch.arange(len(queries), device=queries.device)
    found = [nearest[:, 0] == own[rows] for rows, nearest, _ in gallery_neighbours_by_chunk(queries, gallery, count=1)]
    return torch.cat(found).double().cpu().numpy()


def average_precision_at_r(matches: Tensor, relevant: Tensor) -> Tensor:
    """The average precision at R of each query (Musgrave et al., A Metric Learning Reality Check, ECCV 2020):

        1/R  sum_{i=1}^{R}  P(i),    P(i) = precision among the i nearest if the i-th matches, else 0.

    Its mean is MAP@R. Where Recall@K asks for one hit, it is 1 only if the R nearest are the R others of the class.

    Args:
        matches: bool [B, K], whether the neighbour of that rank has the query's label; K at least the largest R.
        relevant: int64 [B], R: how many other images have the query's label.

    Returns:
        float64 [B], in [0, 1]; 0 where R is 0, so that such a query is a miss here as it is in Recall@K.
    """
    rank = torch.arange(1, matches.shape[1] + 1, device=matches.device)
    hits = matches & (rank <= relevant[:, None])
    precision = hits.cumsum(dim=1, dtype=torch.float64) / rank
    return (precision * hits).sum(dim=1) / relevant.clamp(min=1)


def class_size(labels: np.ndarray) -> np.ndarray:
    """int64 [N]: how many images have the label of each image, itself counted."""
    _, row, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return sizes[row]


def queries_without_match(labels: np.ndarray) -> int:
    """How many images are alone in their class: misses whatever the features."""
    return int((class_size(labels) == 1).sum())

"""Clusters of embeddings, from the bottom up: k-means into too many, then two that belong together become one.

labels = k_means(keys, 30, generator)
labels, merged = merge_nearest_pair(keys, labels, 30, threshold=1.4)
"""

import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn import functional as F

from maskcon.methods.parts.interface import Keys

DISTORTION = 16.0  # epsilon squared: how coarsely the code tells points of a cluster apart
PAIRS_AT_ONCE = 64


class Clusters(nn.Module):
    """Clusters within each coarse class; without any until they are first renewed.

    Args:
        coarse_classes: C.
        most: M, clusters that the first k-means looks for in each coarse class.
        projection_size: D.
    """

    centroids: Tensor  # float32 [C, M, D], unit rows where a cluster exists
    exists: Tensor  # bool [C, M]
    wanted: Tensor  # int64 [C]: clusters that the next k-means looks for

    def __init__(self, coarse_classes: int, most: int, projection_size: int):
        super().__init__()
        self.register_buffer("centroids", torch.zeros(coarse_classes, most, projection_size))
        self.register_buffer("exists", torch.zeros(coarse_classes, most, dtype=torch.bool))
        self.register_buffer("wanted", torch.full((coarse_classes,), most))

    @torch.no_grad()
    def renew(self, keys: Tensor, coarse: Tensor, threshold: float, generator: torch.Generator) -> None:
        """Cluster keys float32 [N, D] of coarse classes int64 [N]; in each class at most one pair is merged."""
        self.exists.zero_()
        most = self.exists.shape[1]
        for coarse_class, wanted in enumerate(self.wanted.tolist()):
            points = keys[coarse == coarse_class]
            number = min(wanted, len(points))
            if number == 0:
                continue
            labels = k_means(points, number, generator)
            labels, merged = merge_nearest_pair(points, labels, number, threshold)
            belongs = F.one_hot(labels, most).to(points.dtype)  # [n, M]
            self.wanted[coarse_class] = number - merged
            self.exists[coarse_class] = belongs.any(dim=0)
            self.centroids[coarse_class] = F.normalize(belongs.T @ points, dim=1)

    def share(self, keys: Keys, temperature: float) -> Tensor:
        """float32 [B, K]: the t above, of each queue entry in the cluster of each own key; 0 without clusters."""
        centroids, exists = self.centroids.flatten(0, 1), self.exists.flatten()  # [C M, D], [C M]
        coarse_of_cluster = torch.arange(len(self.exists), device=exists.device).repeat_interleave(self.exists.shape[1])
        candidates = exists & (keys.own_coarse[:, None] == coarse_of_cluster)  # [B, C M]
        cluster = (keys.own.float() @ centroids.T).masked_fill(~candidates, -torch.inf).argmax(dim=1)  # [B]
        absent = torch.where(exists, 0.0, -torch.inf)
        logits = torch.addmm(absent, keys.queue.float(), centroids.T, alpha=1 / temperature)  # [K, C M]
        return logits.softmax(dim=1).T[cluster].nan_to_num(0)


def k_means(points: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """Cluster of each point: int64 [N], in [0, clusters); a cluster may have no points. By scikit-learn, on the CPU.

    Args:
        points: float32 [N, D], N >= clusters >= 1.
        generator: on the CPU; it draws the seed.
    """
    seed = int(torch.randint(2**31, (), generator=generator))
    # One thread: several add up their sums in the order in which they happen to end, which changes the last digits.
    with threadpool_limits(limits=1):
        labels = KMeans(clusters, n_init=1, random_state=seed).fit_predict(points.cpu().numpy())
    return torch.from_numpy(labels).long().to(points.device)


def merge_nearest_pair(points: Tensor, labels: Tensor, clusters: int, threshold: float) -> tuple[Tensor, bool]:
    """Join the two clusters that cost least apart, if they belong together: the new labels, and whether it was done.

        gain_jk  = L(X_j) + L(X_k) - L(X_j with X_k)        bits saved by one code for both
        score_jk = L(the smaller of the two) / gain_jk
        the pair of least positive score is joined where that score < threshold

    Clusters that are alike in everything score 1 + n / D, n points in the smaller and D dimensions; the less alike, the
    higher. A threshold goes with the size of clusters: a little above 1 + n / D at the size where merging shall end.

    Source: Shi et al., Separable Fine-Grained Representation, ICCV 2025, in the form of the published code.

    Args:
        points: float32 [N, D], unit rows.
        labels: int64 [N], in [0, clusters); the joined cluster gets the lower of the two labels.
    """
    belongs = F.one_hot(labels, clusters).T.bool()  # [clusters, N]
    first, second = torch.triu_indices(clusters, clusters, device=points.device)  # (j, j) is cluster j itself
    lengths = coding_lengths(points, belongs, first, second)
    alone, apart = lengths[first == second], first != second
    first, second, together = first[apart], second[apart], lengths[apart]
    if len(together) == 0:
        return labels, False

    sizes = belongs.sum(dim=1)
    smaller = torch.where(sizes[first] >= sizes[second], second, first)
    score = alone[smaller] / (alone[first] + alone[second] - together)
    score = score.masked_fill(~(score > 0), torch.inf)  # an empty cluster has 0, or 0 / 0
    best = score.argmin()
    if score[best] >= threshold:
        return labels, False
    return torch.where(labels == second[best], first[best], labels), True


def coding_lengths(points: Tensor, belongs: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """float32 [P]: bits that code the points of two clusters together, up to a distortion.

        L(X) = (n + D) / 2 log2 det(I + D / (n epsilon^2) X X^T),    X: [n, D]

    Source: Ma et al., Segmentation of Multivariate Mixed Data via Lossy Data Coding and Compression, PAMI 2007. At
    D = 128 these are the constants of BuCSFR's published code, 8 / n and (n + 128) / 2.

    Args:
        points: float32 [N, D].
        belongs: bool [clusters, N].
        first, second: int64 [P], the pairs; twice the same for one cluster alone.
    """
    dimensions = points.shape[1]
    sizes = (belongs.sum(dim=1)[first] + belongs.sum(dim=1)[second]) // (1 + (first == second).long())  # [P]
    lengths = torch.zeros_like(sizes, dtype=points.dtype)
    for chunk in sizes.argsort().split(PAIRS_AT_ONCE):  # pairs of like size together: little padding
        largest = max(int(sizes[chunk[-1]]), 1)
        inside = belongs[first[chunk]] | belongs[second[chunk]]  # [P', N]
        present, members = inside.to(points.dtype).topk(largest, dim=1)  # [P', n]; 1 where there is a point
        rows = points[members] * present[:, :, None]  # [P', n, D]; rows of 0 do not change the determinant
        gram = rows @ rows.mT if largest <= dimensions else rows.mT @ rows  # the same determinant
        rate = dimensions / (DISTORTION * sizes[chunk].clamp(min=1))
        factor = torch.linalg.cholesky(torch.eye(gram.shape[1]).to(gram) + rate[:, None, None] * gram)
        log_determinant = 2 * factor.diagonal(dim1=1, dim2=2).log2().sum(dim=1)
        lengths[chunk] = (sizes[chunk] + dimensions) / 2 * log_determinant
    return lengths

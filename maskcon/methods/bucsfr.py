"""BuCSFR: positives drawn from the query's own cluster, found from the bottom up, beside a coarse classifier.

Before every epoch after the warm-up, the keys of each coarse class are clustered by k-means, into more clusters than
fine classes are expected; then at most one pair that belongs together is merged (parts/clusters.py), and the next
epoch looks for one cluster less. With the unit centroids c of all classes, and g_i the cluster of the own class nearest
to the own key,

    t_ij  = softmax_c(queue_j · c / T_c) at c = g_i                         share of queue entry j in that cluster
    b_ij  ~ Bernoulli(m_ij t_ij / max_{l: m_il = 1} t_il)                   positives; m_ij: of the same coarse class
    n_ij  ~ Bernoulli((1 - t_ij) / max_{l: m_il = 1} (1 - t_il))            negatives where m_ij = 1; elsewhere all are
    r_ij  = b_ij exp((k_i · queue_j - max_{l: b_il = 1} k_i · queue_l) / T)
    Z_i   = [1, r_i1, ..., r_iK] / (1 + sum_j r_ij)
    L     = (1 - w) CE(Z; own key, positives and negatives) + w CE(classifier(features), coarse)

Before there are clusters t = 0: no positive is drawn and every entry is a negative, which is SelfCon beside the
classifier, as in the published code. Where we depart from that code:

- An entry drawn as neither is left out of the softmax. There its similarity is multiplied by 0, so that it goes on
  counting, as a key at right angles to the query. One drawn as both is a positive; there its similarity is doubled.
- The cluster is the one nearest to the own key of the step, not the one the image fell into at the last k-means.
- The most probable entry is always drawn; there probabilities end at 0.999.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskcon.methods.parts.clusters import k_means, merge_nearest_pair
from maskcon.methods.parts.coarse_classifier import coarse_classifier
from maskcon.methods.parts.interface import Keys, Memory, Method
from maskcon.methods.parts.targets import similarity_target
from maskcon.parameters.model import BuCSFRParameters


def build(loss: BuCSFRParameters) -> Method:
    return Method(
        title="BuCSFR",
        equation=(
            "Z_i = [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)), quad "
            "r_(i j) = b_(i j) exp((k_i dot q_j - max_(l : b_(i l) = 1) k_i dot q_l) / T), quad "
            'b_(i j) tilde "Bernoulli"(m_(i j) t_(i j) \\/ max_l m_(i l) t_(i l))'
        ),
        source="Shi et al., Separable Fine-Grained Representation (BuCSFR), ICCV 2025",
        draw=lambda keys: draw(keys, loss.cluster_temperature),
        target=lambda keys: drawn_target(keys, loss.soft_temperature),
        kept=lambda similarities, keys: drawn_keys(keys),
        contrast_weight=1 - loss.w,
        extra_head=coarse_classifier(loss.w),
        memory=Memory(
            build=lambda projection_size, coarse_classes: Clusters(coarse_classes, loss.clusters, projection_size),
            renew=lambda clusters, keys, coarse, epoch, generator: clusters.renew(
                keys, coarse, loss.merge_threshold, generator
            ),
            first_epoch=1 + loss.warmup_epochs,
        ),
    )


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


def draw(keys: Keys, temperature: float) -> tuple[Tensor, Tensor]:
    """bool [B, K] twice: the positives and the negatives of the same coarse class."""
    share = keys.memory.share(keys, temperature)
    generator = torch.Generator(share.device).manual_seed(keys.generator.initial_seed())  # draws where they are used
    uniform = torch.rand(2, *share.shape, generator=generator, device=share.device)
    positive = uniform[0] < up_to_one(share.masked_fill(~keys.same_coarse, 0))
    negative = uniform[1] < up_to_one((1 - share).masked_fill(~keys.same_coarse, 0))
    return positive, negative


def up_to_one(probability: Tensor) -> Tensor:
    """Rows scaled so that the largest entry is 1; rows of 0 stay."""
    largest = probability.amax(dim=1, keepdim=True)
    return probability / torch.where(largest > 0, largest, 1)


def drawn_target(keys: Keys, soft_temperature: float) -> Tensor:
    """float32 [B, 1 + K]: the Z above; a row without positives keeps all weight on its own key."""
    positive, _ = keys.drawn
    return similarity_target(keys.own, keys.queue, positive, soft_temperature)


def drawn_keys(keys: Keys) -> Tensor:
    """bool [B, 1 + K]: the own key, all other coarse classes, and what was drawn of the same."""
    positive, negative = keys.drawn
    own = torch.ones_like(positive[:, :1])
    return torch.cat([own, ~keys.same_coarse | positive | negative], dim=1)

"""BuCSFR: positives drawn from the query's own cluster, found from the bottom up, beside a coarse classifier.

Before every epoch after the warm-up, the keys of each coarse class are clustered by k-means, into more clusters than
fine classes are expected; then at most one pair that belongs together is merged (parts/clusters.py), and the next
epoch looks for one cluster less. With the unit centroids c of all classes, and g_i the cluster of the own class nearest
to the image's own key,

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
- The cluster is the one nearest to the image's key of this step, not the one the image fell into at the last k-means.
- The most probable entry is always drawn; there probabilities end at 0.999.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from maskcon.methods.parts.coarse_classifier import coarse_classifier
from maskcon.methods.parts.interface import Keys, Memory, Method
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Epochs, Positive, Share, Temperature

if TYPE_CHECKING:
    from torch import Tensor


class Values(Contrast):
    w: Share
    """Share of the coarse classifier's loss; 1 - w is the contrast's."""
    soft_temperature: Temperature
    """T of the weights of drawn positives."""
    clusters: Annotated[int, Field(ge=1, le=10_000)]
    """Clusters in a coarse class at first: a few times the fine classes expected there."""
    cluster_temperature: Temperature
    """T_c of a key's share in the clusters."""
    merge_threshold: Positive
    """Above 1: the higher, the more unlike the clusters that are merged."""
    warmup_epochs: Epochs
    """Epochs before the first clusters; a training that is not longer has none."""


def build(values: Values) -> Method:
    from maskcon.methods.parts.clusters import Clusters

    return Method(
        title="BuCSFR",
        equation=(
            "Z_i = [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)), quad "
            "r_(i j) = b_(i j) exp((k_i dot k'_j - max_(l : b_(i l) = 1) k_i dot k'_l) / T), quad "
            'b_(i j) tilde "Bernoulli"(m_(i j) t_(i j) \\/ max_l m_(i l) t_(i l))'
        ),
        source="Shi et al., Separable Fine-Grained Representation (BuCSFR), ICCV 2025",
        draw=lambda keys: draw(keys, values.cluster_temperature),
        target=lambda keys: drawn_target(keys, values.soft_temperature),
        kept=lambda similarities, keys: drawn_keys(keys),
        contrast_weight=1 - values.w,
        extra_head=coarse_classifier(values.w),
        memory=Memory(
            build=lambda projection_size, coarse_classes: Clusters(coarse_classes, values.clusters, projection_size),
            renew=lambda clusters, keys, coarse, epoch, generator: clusters.renew(
                keys, coarse, values.merge_threshold, generator
            ),
            first_epoch=1 + values.warmup_epochs,
        ),
    )


def draw(keys: Keys, temperature: float) -> tuple[Tensor, Tensor]:
    """bool [B, K] twice: the positives and the negatives of the same coarse class."""
    import torch

    share = keys.memory.share(keys, temperature)
    generator = torch.Generator(share.device).manual_seed(keys.generator.initial_seed())  # draws where they are used
    uniform = torch.rand(2, *share.shape, generator=generator, device=share.device)
    positive = uniform[0] < up_to_one(share.masked_fill(~keys.same_coarse, 0))
    negative = uniform[1] < up_to_one((1 - share).masked_fill(~keys.same_coarse, 0))
    return positive, negative


def up_to_one(probability: Tensor) -> Tensor:
    """Rows scaled so that the largest entry is 1; rows of 0 stay."""
    largest = probability.amax(dim=1, keepdim=True)
    return probability / largest.masked_fill(largest == 0, 1)


def drawn_target(keys: Keys, soft_temperature: float) -> Tensor:
    """float32 [B, 1 + K]: the Z above; a row without positives keeps all weight on its own key."""
    from maskcon.methods.parts.targets import similarity_target

    positive, _ = keys.drawn
    return similarity_target(keys.own, keys.queue, positive, soft_temperature)


def drawn_keys(keys: Keys) -> Tensor:
    """bool [B, 1 + K]: the image's own key, all other coarse classes, and what was drawn of the same."""
    from torch.nn.functional import pad

    positive, negative = keys.drawn
    return pad(~keys.same_coarse | positive | negative, (1, 0), value=True)

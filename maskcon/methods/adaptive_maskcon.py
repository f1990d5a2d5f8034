"""Adaptive MaskCon: its soft labels, from another similarity and with a temperature found for each image.

    s_ij = u_i · u_j                        u: unit keys, unit features behind them; or the mean of both products
    p_ij = m_ij exp(s_ij / T_i) / sum_l m_il exp(s_il / T_i)
    T_i  such that exp(H(p_i)) = max(1, positive_share sum_j m_ij)
    Z_i  = w [1, r_i1, ..., r_iK] / (1 + sum_j r_ij) + (1 - w) e_0,        r_ij = p_ij / max_l p_il
    L    = (1 - classifier_share) CE(Z; S) + classifier_share CE(classifier(features), coarse)

exp(H(p)) is the number of equally weighted keys that p amounts to, its perplexity, by which stochastic neighbour
embedding finds a width for each point (Hinton and Roweis, NeurIPS 2002). Each part can be had alone:

    similarity_of       the contrast trains keys to be alike wherever the target had weight, so a target made of keys
                        confirms itself; the features one projector away are less bent by the loss of the moment.
    positive_share      with one fixed T, keys that draw together make the target flatter, which draws them further
                        together, until only coarse classes are left. Found for each image, T shrinks with the
                        differences between similarities: the target cannot become flat, at any scale of them.
    classifier_share   a direct gradient for the coarse classes, as in coins.py, so that soft labels may be sharp.

With a fixed soft_temperature, keys, and no classifier it is MaskCon.
"""

from torch import Tensor

from maskcon.methods.coins import coarse_classifier
from maskcon.methods.interface import Keys, Method
from maskcon.parameters import AdaptiveMaskConParameters
from maskcon.targets import blend, target_from_similarity, temperature_for_share


def build(loss: AdaptiveMaskConParameters) -> Method:
    return Method(
        title="Adaptive MaskCon",
        equation=(
            "Z_i = w [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)) + (1 - w) e_0, quad "
            "r_(i j) = m_(i j) exp((s_(i j) - max_(l : m_(i l) = 1) s_(i l)) / T_i), quad "
            'T_i : "perplexity"(r_i) = rho sum_j m_(i j)'
        ),
        source="ours, after Feng and Patras, MaskCon, CVPR 2023, and Hinton and Roweis, Stochastic Neighbor "
        "Embedding, NeurIPS 2002",
        target=lambda keys: adaptive_target(keys, loss),
        contrast_weight=1 - loss.classifier_share,
        extra_head=coarse_classifier(loss.classifier_share) if loss.classifier_share else None,
        uses_features=loss.similarity_of != "keys",
    )


def adaptive_target(keys: Keys, loss: AdaptiveMaskConParameters) -> Tensor:
    """float32 [B, 1 + K]: the Z above."""
    similarity = similarity_of(keys, loss.similarity_of)
    temperature = loss.soft_temperature
    if temperature is None:
        temperature = temperature_for_share(similarity, keys.same_coarse, loss.positive_share)  # [B, 1]
    return blend(target_from_similarity(similarity, keys.same_coarse, temperature), loss.w)


def similarity_of(keys: Keys, what: str) -> Tensor:
    """float32 [B, K]: the s above."""
    products = []
    if what in ("keys", "both"):
        products.append(keys.own.float() @ keys.queue.float().T)
    if what in ("features", "both"):
        products.append(keys.own_features.float() @ keys.queue_features.float().T)
    return sum(products) / len(products)

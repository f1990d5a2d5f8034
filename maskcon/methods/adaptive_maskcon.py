"""Adaptive MaskCon: its soft labels, from another similarity and with a temperature found for each image.

    s_ij = u_i · u_j                        u: unit keys, unit features behind them; or a mean of several products
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

    soft_temperature_end   T moves from soft_temperature to it, T(p) = T^(1 - p) T_end^p with p the share of training
                        done: similarities mean little in the beginning (hence soft first), or, the other way round,
                        sharp labels first keep classes from drawing together before they are told apart.
    older_own_keys      an image may be in the queue still, from the epoch before, as its own best match whatever the
                        fine class: it need not be a positive beside the own key, which has its weight already.
    both_views          each view is the query once and gives the own key of the other: two gradients for an image
                        that was augmented once, for twice the encoding.

With a fixed soft_temperature, keys, and none of the rest it is MaskCon.
"""

import math

from torch import Tensor

from maskcon.methods.parts.coarse_classifier import coarse_classifier
from maskcon.methods.parts.interface import SOFT_TEMPERATURE_SCHEDULE, Keys, Method
from maskcon.methods.parts.targets import blend, target_from_similarity, temperature_for_share
from maskcon.parameters.model import AdaptiveMaskConParameters


def build(loss: AdaptiveMaskConParameters) -> Method:
    return Method(
        title="Adaptive MaskCon",
        equation=equation_of(loss),
        source="ours, after Feng and Patras, MaskCon, CVPR 2023, and Hinton and Roweis, Stochastic Neighbor "
        "Embedding, NeurIPS 2002",
        target=lambda keys: adaptive_target(keys, loss),
        contrast_weight=1 - loss.classifier_share,
        extra_head=coarse_classifier(loss.classifier_share) if loss.classifier_share else None,
        uses_features={"keys": None, "layers": "all layers"}.get(loss.similarity_of, "last"),
        uses_places=loss.older_own_keys == "no positives",
        both_views=loss.both_views,
        on_host=() if loss.soft_temperature_end is None else (SOFT_TEMPERATURE_SCHEDULE,),
    )


def equation_of(loss: AdaptiveMaskConParameters) -> str:
    """The parts in use, in typst's mathematics; the template says what the classifier adds."""
    temperature = "T" if loss.positive_share is None else "T_i"
    lines = [
        "Z_i = w [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)) + (1 - w) e_0",
        f"r_(i j) = m_(i j) exp((s_(i j) - max_(l : m_(i l) = 1) s_(i l)) / {temperature})",
        {
            "keys": "s_(i j) = k_i dot q_j",
            "features": 's_(i j) = "cosine of the keys\' features"',
            "layers": 's_(i j) = "mean cosine of the keys\' features in all layers"',
            "both": 's_(i j) = "mean of" k_i dot q_j "and the cosine of the keys\' features"',
        }[loss.similarity_of],
    ]
    if loss.positive_share is not None:
        lines.append('T_i : "perplexity"(r_i) = max(1, rho sum_j m_(i j))')
    elif loss.soft_temperature_end is not None:
        lines.append('T = T_"first"^(1 - p) T_"last"^p "after a share" p "of the training"')
    if loss.older_own_keys == "no positives":
        lines.append('m_(i j) = 0 "also where key" j "is of image" i "itself"')
    return ", quad ".join(lines)


def adaptive_target(keys: Keys, loss: AdaptiveMaskConParameters) -> Tensor:
    """float32 [B, 1 + K]: the Z above."""
    similarity = similarity_of(keys, loss.similarity_of)
    candidates = keys.same_coarse
    if loss.older_own_keys == "no positives":
        candidates = candidates & (keys.own_places[:, None] != keys.queue_places[None, :])
    if loss.positive_share is not None:
        temperature = temperature_for_share(similarity, candidates, loss.positive_share)  # [B, 1]
    else:
        temperature = temperature_at(keys.progress, loss.soft_temperature, loss.soft_temperature_end)
    return blend(target_from_similarity(similarity, candidates, temperature), loss.w)


def temperature_at(progress: float, first: float, last: float | None) -> float:
    """T^(1 - p) T_end^p, p the share of training done."""
    return first if last is None else math.exp((1 - progress) * math.log(first) + progress * math.log(last))


def similarity_of(keys: Keys, what: str) -> Tensor:
    """float32 [B, K]: the s above."""
    products = []
    if what in ("keys", "both"):
        products.append(keys.own.float() @ keys.queue.float().T)
    if what in ("features", "layers", "both"):
        products.append(keys.own_features.float() @ keys.queue_features.float().T)
    return sum(products) / len(products)

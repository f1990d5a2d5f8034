"""Adaptive MaskCon: its soft labels, from another similarity and with a temperature found for each image.

    s_ij = u_i · u_j                        u: unit keys, or the unit features behind them
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

With a fixed soft_temperature, keys, and none of the rest it is MaskCon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from maskcon.methods.parts.coarse_classifier import coarse_classifier
from maskcon.methods.parts.interface import Keys, Method
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Share, Temperature

if TYPE_CHECKING:
    from torch import Tensor


class Values(Contrast):
    w: Share
    """Share of the soft labels in the target; 1 - w stays on the image's own key."""
    soft_temperature: Temperature | None
    """T of the soft labels, the same for all images; null: found for each image from positive_share."""
    positive_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None
    """Share of the coarse class's keys that the soft labels amount to, as if so many had equal weight: one over the
    fine classes expected in a coarse class; null: soft_temperature is used."""
    similarity_of: Literal["keys", "features"]
    """What tells how similar two images are: their keys, or the features behind the keys."""
    classifier_share: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
    """Share of a coarse classifier's loss; the rest is the contrast's; 0: no classifier."""

    @model_validator(mode="after")
    def one_temperature(self) -> Values:
        if (self.soft_temperature is None) == (self.positive_share is None):
            raise ValueError("soft_temperature or loss.positive_share must be null, and the other one be given")
        return self


def build(values: Values) -> Method:
    return Method(
        title="Adaptive MaskCon",
        equation=equation_of(values),
        source="ours, after Feng and Patras, MaskCon, CVPR 2023, and Hinton and Roweis, Stochastic Neighbor "
        "Embedding, NeurIPS 2002",
        target=lambda keys: adaptive_target(keys, values),
        contrast_weight=1 - values.classifier_share,
        extra_head=coarse_classifier(values.classifier_share) if values.classifier_share else None,
        uses_features=values.similarity_of == "features",
    )


def equation_of(values: Values) -> str:
    """The parts in use, in typst's mathematics; the template says what the classifier adds."""
    similarity = "k_i dot k'_j" if values.similarity_of == "keys" else '"cosine of the keys\' features"'
    lines = [
        "Z_i = w [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)) + (1 - w) e_0",
        "r_(i j) = m_(i j) exp((s_(i j) - max_(l : m_(i l) = 1) s_(i l)) / T_i)",
        f"s_(i j) = {similarity}",
        "T_i = T" if values.positive_share is None else 'T_i : "perplexity"(r_i) = max(1, rho sum_j m_(i j))',
    ]
    return ", quad ".join(lines)


def adaptive_target(keys: Keys, values: Values) -> Tensor:
    """float32 [B, 1 + K]: the Z above."""
    from maskcon.methods.parts.targets import blend, target_from_similarity, temperature_for_share

    if values.similarity_of == "features":
        similarity = keys.own_features.float() @ keys.queue_features.float().T  # [B, K]
    else:
        similarity = keys.own.float() @ keys.queue.float().T
    temperature = values.soft_temperature
    if values.positive_share is not None:
        temperature = temperature_for_share(similarity, keys.same_coarse, values.positive_share)  # [B, 1]
    return blend(target_from_similarity(similarity, keys.same_coarse, temperature), values.w)

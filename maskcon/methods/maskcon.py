"""MaskCon: coarse positives weighted by how similar their keys are to the image's own key.

    r_ij = m_ij exp((k_i · queue_j - max_{l: m_il = 1} k_i · queue_l) / T)
    Z_i  = w [1, r_i1, ..., r_iK] / (1 + sum_j r_ij) + (1 - w) e_0

The key k_i is of the weak view and the momentum encoder; the loss contrasts the query against this target.
w = 0 is SelfCon; T to infinity is Grafit.
"""

from __future__ import annotations

from maskcon.methods.parts.interface import Method
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Share, Temperature


class Values(Contrast):
    w: Share
    """Share of the soft labels in the target; 1 - w stays on the image's own key."""
    soft_temperature: Temperature
    """T of the soft labels: the lower, the more the nearest keys of the coarse class count."""


def build(values: Values) -> Method:
    from maskcon.methods.parts.targets import blend, similarity_target

    return Method(
        title="MaskCon",
        equation=(
            "Z_i = w [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)) + (1 - w) e_0, quad "
            "r_(i j) = m_(i j) exp((k_i dot k'_j - max_(l : m_(i l) = 1) k_i dot k'_l) / T)"
        ),
        source="Feng and Patras, MaskCon: Masked Contrastive Learning for Coarse-Labelled Dataset, CVPR 2023",
        target=lambda keys: blend(
            similarity_target(keys.own, keys.queue, keys.same_coarse, values.soft_temperature), values.w
        ),
    )

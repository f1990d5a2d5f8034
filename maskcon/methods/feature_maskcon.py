"""MaskCon with soft labels from the features behind the keys.

    u_i  = unit(features of key i)                           before the projector
    r_ij = m_ij exp((u_i · u_j - max_{l: m_il = 1} u_i · u_l) / T)
    Z_i  = w [1, r_i1, ..., r_iK] / (1 + sum_j r_ij) + (1 - w) e_0

The contrast trains keys to be alike wherever the target had weight, so a target made of keys confirms itself; features
one projector away are less bent by the loss of the moment. What it brings: docs/recipe.md.
"""

from __future__ import annotations

from maskcon.methods.parts.interface import Method
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Share, Temperature


class Values(Contrast):
    w: Share
    """Share of the soft labels in the target; 1 - w stays on the image's own key."""
    soft_temperature: Temperature
    """T of the soft labels: the lower, the more the nearest features of the coarse class count."""


def build(values: Values) -> Method:
    from maskcon.methods.parts.targets import blend, similarity_target

    return Method(
        title="MaskCon on features",
        equation=(
            "Z_i = w [1, r_(i 1), dots, r_(i K)] / (1 + sum_j r_(i j)) + (1 - w) e_0, quad "
            "r_(i j) = m_(i j) exp((u_i dot u'_j - max_(l : m_(i l) = 1) u_i dot u'_l) / T), quad "
            'u "the features of keys"'
        ),
        source="ours, after Feng and Patras, MaskCon, CVPR 2023",
        target=lambda keys: blend(
            similarity_target(keys.own_features, keys.queue_features, keys.same_coarse, values.soft_temperature),
            values.w,
        ),
        uses_features=True,
    )

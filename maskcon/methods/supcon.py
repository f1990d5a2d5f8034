"""SupCon over the queue: every key of the same coarse class is a positive, as good as the image's own key.

Z_i = [1, m_i1, ..., m_iK] / (1 + sum_j m_ij),    m_ij = 1 where entry j has the coarse class of image i
"""

from __future__ import annotations

from maskcon.methods.parts.interface import Method
from maskcon.parameters.loss import Contrast


class Values(Contrast):
    """Nothing of its own."""


def build(values: Values) -> Method:
    from maskcon.methods.parts.targets import same_class_target

    return Method(
        title="SupCon",
        equation="Z_i = [1, m_(i 1), dots, m_(i K)] / (1 + sum_j m_(i j))",
        source="Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, with a queue of keys",
        target=lambda keys: same_class_target(keys.same_coarse),
    )

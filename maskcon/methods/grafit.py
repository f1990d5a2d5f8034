"""Grafit, as the MaskCon study runs it: a weighted sum of supervised contrast on coarse labels and self-contrast.

Z = w Z_supcon + (1 - w) e_0
"""

from __future__ import annotations

from maskcon.methods.parts.interface import Method
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Share


class Values(Contrast):
    w: Share
    """Share of the supervised contrast in the target; 1 - w stays on the image's own key."""


def build(values: Values) -> Method:
    from maskcon.methods.parts.targets import blend, same_class_target

    return Method(
        title="Grafit",
        equation='Z = w Z_"supcon" + (1 - w) e_0',
        source="Touvron et al., Grafit, ICCV 2021, in the form of Feng and Patras, MaskCon, CVPR 2023",
        target=lambda keys: blend(same_class_target(keys.same_coarse), values.w),
    )

"""Grafit, as the MaskCon study runs it: a weighted sum of supervised contrast on coarse labels and self-contrast.

Z = w Z_supcon + (1 - w) e_0
"""

from maskcon.methods.parts.interface import Method
from maskcon.methods.parts.targets import blend, same_class_target
from maskcon.parameters.model import GrafitParameters


def build(loss: GrafitParameters) -> Method:
    return Method(
        title="Grafit",
        equation='Z = w Z_"supcon" + (1 - w) e_0',
        source="Touvron et al., Grafit, ICCV 2021, in the form of Feng and Patras, MaskCon, CVPR 2023",
        target=lambda keys: blend(same_class_target(keys.same_coarse), loss.w),
    )

"""SelfCon: an image's only positive is its own key (MoCo, CVPR 2020; called SelfCon in MaskCon, CVPR 2023).

Z = e_0
"""

from maskcon.methods.interface import Method
from maskcon.parameters import LossParameters
from maskcon.targets import own_key_target


def build(loss: LossParameters) -> Method:
    return Method(
        title="SelfCon (MoCo)",
        equation="Z_i = e_0",
        source="He et al., Momentum Contrast for Unsupervised Visual Representation Learning, CVPR 2020",
        target=own_key_target,
    )

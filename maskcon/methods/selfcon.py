"""SelfCon: an image's only positive is its own key.

Z = e_0
"""

from maskcon.methods.interface import Method
from maskcon.parameters import SelfConParameters
from maskcon.targets import own_key_target


def build(loss: SelfConParameters) -> Method:
    return Method(
        title="SelfCon (MoCo)",
        equation="Z_i = e_0",
        source="He et al., Momentum Contrast for Unsupervised Visual Representation Learning, CVPR 2020",
        target=lambda keys: own_key_target(keys.same_coarse),
    )

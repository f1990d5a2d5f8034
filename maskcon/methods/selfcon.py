"""SelfCon: an image's only positive is its own key.

Z = e_0
"""

from maskcon.methods.parts.interface import Method
from maskcon.methods.parts.targets import own_key_target
from maskcon.parameters.model import SelfConParameters


def build(loss: SelfConParameters) -> Method:
    return Method(
        title="SelfCon (MoCo)",
        equation="Z_i = e_0",
        source="He et al., Momentum Contrast for Unsupervised Visual Representation Learning, CVPR 2020",
        target=lambda keys: own_key_target(keys.same_coarse),
    )

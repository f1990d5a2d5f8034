"""SelfCon: an image's only positive is its own key.

Z = e_0
"""

from __future__ import annotations

from maskcon.methods.parts.interface import Method
from maskcon.parameters.loss import Contrast


class Values(Contrast):
    """Nothing of its own."""


def build(values: Values) -> Method:
    from maskcon.methods.parts.targets import own_key_target

    return Method(
        title="SelfCon (MoCo)",
        equation="Z_i = e_0",
        source="He et al., Momentum Contrast for Unsupervised Visual Representation Learning, CVPR 2020",
        target=lambda keys: own_key_target(keys.same_coarse),
    )

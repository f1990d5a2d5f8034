"""CoIns, as the MaskCon study runs it: self-contrast beside a linear classifier of the coarse classes.

L = (1 - w) L_selfcon + w CE(classifier(features), coarse)

Its authors' own code has another form: the classifier's logits are cosines of the projection and unit weights, over the
temperature of the contrast, and L = L_selfcon + 0.5 CE.
"""

from __future__ import annotations

from maskcon.methods.parts.coarse_classifier import coarse_classifier
from maskcon.methods.parts.interface import Method
from maskcon.parameters.loss import Contrast
from maskcon.parameters.values import Share


class Values(Contrast):
    w: Share
    """Share of the coarse classifier's loss; 1 - w is the contrast's."""


def build(values: Values) -> Method:
    from maskcon.methods.parts.targets import own_key_target

    return Method(
        title="CoIns",
        equation='L = (1 - w) L_"selfcon" + w thin "CE"("classifier"(f_i), y_i), quad Z_i = e_0',
        source="Xu et al., Weakly Supervised Representation Learning with Coarse Labels, ICCV 2021, "
        "in the form of Feng and Patras, MaskCon, CVPR 2023",
        target=lambda keys: own_key_target(keys.same_coarse),
        contrast_weight=1 - values.w,
        extra_head=coarse_classifier(values.w),
    )

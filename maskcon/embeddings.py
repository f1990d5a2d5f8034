"""Embeddings: unit-length features of a set's images, by an encoder or of the raw pixels.

features = embed(encoder, images, channels=3, device=device)      # float32 [N, F]
"""

import math

import numpy as np
import torch
from torch.nn import functional as F

from maskcon.augmentation.crop import resized
from maskcon.encoders import Encoder
from maskcon.image_stream import to_device

BATCH = 512  # images at a time
PIXELS_SIDE = 32  # the raw pixels of larger images are averaged down to this height and width


@torch.inference_mode()
def embed(
    encoder: Encoder,
    images: np.ndarray,
    channels: int,
    device: torch.device,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Backbone features, before any projector (MaskCon, CVPR 2023, evaluates these).

    Args:
        encoder: in evaluation mode, on the device.
        images: uint8 [N, H, W, 3], may be a memory map.
        channels: 1 for a grey set, else 3.
        size: height and width at which the encoder sees whole images; their own, unless said.

    Returns:
        float32 [N, F], unit rows.
    """
    features = np.empty((len(images), encoder.feature_size), np.float32)
    for start in range(0, len(images), BATCH):
        planes = to_device(images[start : start + BATCH], channels, device)
        batch = resized(planes, size or planes.shape[2:]) / 255
        features[start : start + BATCH] = F.normalize(encoder(batch).float(), dim=1).cpu().numpy()
    return features


@torch.inference_mode()
def raw_pixels(images: np.ndarray, channels: int) -> np.ndarray:
    """The pixels themselves as features: what can be found without any learning.

    Returns:
        float32 [N, channels * H * W], unit rows; H and W at most PIXELS_SIDE.
    """
    parts = [np.empty((0, channels * math.prod(min(side, PIXELS_SIDE) for side in images.shape[1:3])), np.float32)]
    for start in range(0, len(images), BATCH):
        pixels = to_device(images[start : start + BATCH], channels, torch.device("cpu")) / 255
        height, width = (min(side, PIXELS_SIDE) for side in pixels.shape[2:])
        pixels = F.adaptive_avg_pool2d(pixels, (height, width)).flatten(1)
        parts.append(F.normalize(pixels, dim=1).numpy())
    return np.concatenate(parts)

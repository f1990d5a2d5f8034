"""Unit-length features of a set's images, by an encoder or of the raw pixels.

features = embed(encoder, images, channels=3, device=device)      # float32 [N, F]
for rows in embedded_rows(encoder, images, 3, device):            # the same, a batch at a time: [b, F]
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from maskcon.encoders.features.whole import BATCH, BatchView, backbone_rows
from maskcon.encoders.networks import Encoder
from maskcon.images.packed.image_stream import to_device

PIXELS_SIDE = 32  # the raw pixels of larger images are averaged down to this height and width


def embed(
    encoder: Encoder,
    images: np.ndarray,
    channels: int,
    device: torch.device,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """All rows of ``embedded_rows``: float32 [N, F]."""
    return np.concatenate(
        [np.empty((0, encoder.feature_size), np.float32), *embedded_rows(encoder, images, channels, device, size)]
    )


def embedded_rows(
    encoder: Encoder,
    images: np.ndarray,
    channels: int,
    device: torch.device,
    size: tuple[int, int] | None = None,
    view: BatchView | None = None,
) -> Iterator[np.ndarray]:
    """Features before any projector (MaskCon, CVPR 2023, evaluates these).

    Args: as ``backbone_rows``.

    Yields:
        float32 [b, F], unit rows, of BATCH images at a time, in order.
    """
    for features in backbone_rows(encoder, images, channels, device, size, view):
        yield adapted(encoder, features)


@torch.inference_mode()
def adapted(encoder: Encoder, features: Tensor) -> np.ndarray:
    """float32 [b, F'], unit rows: features of the backbone [b, F] through the encoder's adapter, where it has one."""
    if encoder.adapter is not None:
        features = encoder.adapter(features)
    return F.normalize(features, dim=1).cpu().numpy()


@torch.inference_mode()
def raw_pixel_rows(images: np.ndarray, channels: int, view: BatchView | None = None) -> Iterator[np.ndarray]:
    """The pixels themselves as features, of images or of views of them: what can be found without any learning.

    Yields:
        float32 [b, channels * H * W], unit rows, as ``embedded_rows``; H and W at most PIXELS_SIDE.
    """
    for start in range(0, len(images), BATCH):
        planes = to_device(images[start : start + BATCH], channels, torch.device("cpu"))
        pixels = planes / 255 if view is None else view(planes, start)
        pixels = F.adaptive_avg_pool2d(pixels, _pixels_seen(images)).flatten(1)
        yield F.normalize(pixels, dim=1).numpy()


def raw_pixels_size(images: np.ndarray, channels: int) -> int:
    """F of ``raw_pixel_rows``."""
    return channels * math.prod(_pixels_seen(images))


def _pixels_seen(images: np.ndarray) -> tuple[int, int]:
    """Height and width."""
    return min(images.shape[1], PIXELS_SIDE), min(images.shape[2], PIXELS_SIDE)

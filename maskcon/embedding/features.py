"""Unit-length features of a set's images, by an encoder or of the raw pixels.

features = embed(encoder, images, channels=3, device=device)      # float32 [N, F]
for rows in embedded_rows(encoder, images, 3, device):            # the same, a batch at a time: [b, F]
"""

import copy
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.fx.experimental.optimization import fuse
from torch.nn import functional as F

from maskcon.encoders.networks import Encoder
from maskcon.images.packed.image_stream import ImageStream, to_device
from maskcon.views.operations.crop import resized

BATCH = 512  # images at a time
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


@torch.inference_mode()
def embedded_rows(
    encoder: Encoder,
    images: np.ndarray,
    channels: int,
    device: torch.device,
    size: tuple[int, int] | None = None,
) -> Iterator[np.ndarray]:
    """Backbone features, before any projector (MaskCon, CVPR 2023, evaluates these).

    Args:
        encoder: in evaluation mode, on the device.
        images: uint8 [N, H, W, 3], may be a memory map.
        channels: 1 for a grey set, else 3.
        size: height and width at which the encoder sees whole images; their own, unless said.

    Yields:
        float32 [b, F], unit rows, of BATCH images at a time, in order.
    """
    encoder = with_folded_batch_norms(encoder)
    stream = ImageStream(images, channels, torch.device(device))
    size = size or stream.shape[2:]
    starts = range(0, len(images), BATCH)
    for planes in stream.blocks([torch.arange(start, min(start + BATCH, len(images))) for start in starts]):
        yield unit_features(encoder, resized(planes, size) / 255).cpu().numpy()


def with_folded_batch_norms(encoder: Encoder) -> Encoder:
    """A copy whose convolutions do what the batch norms behind them did: the same function, fewer passes over memory.

    gamma (W x - mean) / sqrt(var + eps) + beta = W' x + b',   W' = gamma W / sqrt(var + eps)
    """
    folded = copy.deepcopy(encoder)
    folded.backbone = fuse(folded.backbone, inplace=True)
    return folded.to(memory_format=torch.channels_last)


def unit_features(encoder: Encoder, batch: Tensor) -> Tensor:
    """float32 [B, F], unit rows, of images float32 [B, c, H, W] in [0, 1].

    Without the TF32 that torch lets convolutions on a GPU use: what is published shall not depend on the device.
    """
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return F.normalize(encoder(batch), dim=1)


def raw_pixels(images: np.ndarray, channels: int) -> np.ndarray:
    """All rows of ``raw_pixel_rows``: float32 [N, F]."""
    empty = np.empty((0, raw_pixels_size(images, channels)), np.float32)
    return np.concatenate([empty, *raw_pixel_rows(images, channels)])


@torch.inference_mode()
def raw_pixel_rows(images: np.ndarray, channels: int) -> Iterator[np.ndarray]:
    """The pixels themselves as features: what can be found without any learning.

    Yields:
        float32 [b, channels * H * W], unit rows, as ``embedded_rows``; H and W at most PIXELS_SIDE.
    """
    for start in range(0, len(images), BATCH):
        pixels = to_device(images[start : start + BATCH], channels, torch.device("cpu")) / 255
        pixels = F.adaptive_avg_pool2d(pixels, _pixels_seen(images)).flatten(1)
        yield F.normalize(pixels, dim=1).numpy()


def raw_pixels_size(images: np.ndarray, channels: int) -> int:
    """F of ``raw_pixels``."""
    return channels * math.prod(_pixels_seen(images))


def _pixels_seen(images: np.ndarray) -> tuple[int, int]:
    """Height and width."""
    return min(images.shape[1], PIXELS_SIDE), min(images.shape[2], PIXELS_SIDE)

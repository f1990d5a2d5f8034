"""Embeddings: unit-length features of a set's images, by an encoder or of the raw pixels.

features = embed(encoder, images, channels=3, device=device)      # float32 [N, F]
"""

import copy
import math

import numpy as np
import torch
from torch import Tensor
from torch.fx.experimental.optimization import fuse
from torch.nn import functional as F

from maskcon.augmentation.crop import resized
from maskcon.encoders import Encoder
from maskcon.image_stream import ImageStream, to_device

BATCH = 512  # images at a time
PIXELS_SIDE = 32  # the raw pixels of larger images are averaged down to this height and width

# Precisions tried before float32, the most exact first, both being equally fast. None on the CPU: how they round there,
# and whether they gain anything, depends on the processor, and the metrics of a run should not. On one without
# instructions for bfloat16 (AVX2 alone) resnet18 took 7.6 times as long in it as in float32.
LOWER_PRECISIONS = {"cuda": (torch.float16, torch.bfloat16)}
AGREEMENT = 0.9999  # cosine similarity to float32 features that each image of the first batch must keep


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
    encoder = with_folded_batch_norms(encoder)
    stream = ImageStream(images, channels, torch.device(device))
    places = torch.arange(len(images)).split(BATCH) if len(images) else ()
    precision = torch.float32
    for number, planes in enumerate(stream.blocks(places)):
        batch = resized(planes, size or planes.shape[2:]) / 255
        if number == 0:
            precision = best_precision(encoder, batch)
        start = number * BATCH
        features[start : start + BATCH] = unit_features(encoder, batch, precision).cpu().numpy()
    return features


def with_folded_batch_norms(encoder: Encoder) -> Encoder:
    """A copy whose convolutions do what the batch norms behind them did: the same function, fewer passes over memory.

    gamma (W x - mean) / sqrt(var + eps) + beta = W' x + b',   W' = gamma W / sqrt(var + eps)
    """
    folded = copy.deepcopy(encoder)
    folded.backbone = fuse(folded.backbone, inplace=True)
    return folded.to(memory_format=torch.channels_last)


def unit_features(encoder: Encoder, batch: Tensor, precision: torch.dtype) -> Tensor:
    """float32 [B, F], unit rows, of images float32 [B, c, H, W] in [0, 1]."""
    with torch.autocast(batch.device.type, dtype=precision, enabled=precision != torch.float32):
        features = encoder(batch)
    return F.normalize(features.float(), dim=1)


def best_precision(encoder: Encoder, batch: Tensor) -> torch.dtype:
    """The first of LOWER_PRECISIONS whose features agree with those of float32, image by image; else float32."""
    exact = None
    for precision in LOWER_PRECISIONS.get(batch.device.type, ()):
        exact = unit_features(encoder, batch, torch.float32) if exact is None else exact
        cosine = (unit_features(encoder, batch, precision) * exact).sum(dim=1)
        if bool((cosine > AGREEMENT).all()):  # no where a number has overflowed
            return precision
    return torch.float32


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

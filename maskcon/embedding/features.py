"""Embeddings: unit-length features of a set's images, by an encoder or of the raw pixels.

features = embed(encoder, images, channels=3, device=device)      # float32 [N, F]
for start, rows in embedded_rows(encoder, images, 3, device, group=group):  # the same, a batch at a time: [b, F]

Of several processes each embeds every N-th batch. Batches are the same however many processes share them, and so are
the features, bit for bit.
"""

import copy
import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.fx.experimental.optimization import fuse
from torch.nn import functional as F

from maskcon.encoders.networks import Encoder
from maskcon.images.packed.image_stream import ImageStream, to_device
from maskcon.runtime.process_group import ONE_PROCESS, ProcessGroup
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
    rows = embedded_rows(encoder, images, channels, device, size)
    return _as_one((len(images), encoder.feature_size), rows)


@torch.inference_mode()
def embedded_rows(
    encoder: Encoder,
    images: np.ndarray,
    channels: int,
    device: torch.device,
    size: tuple[int, int] | None = None,
    group: ProcessGroup = ONE_PROCESS,
) -> Iterator[tuple[int, np.ndarray]]:
    """Backbone features, before any projector (MaskCon, CVPR 2023, evaluates these).

    Args:
        encoder: in evaluation mode, on the device.
        images: uint8 [N, H, W, 3], may be a memory map.
        channels: 1 for a grey set, else 3.
        size: height and width at which the encoder sees whole images; their own, unless said.
        group: the processes that share the batches; each has all images and the encoder.

    Yields:
        the place of a batch's first image, and float32 [b, F], unit rows; batches of this process, in order.
    """
    encoder = with_folded_batch_norms(encoder)
    stream = ImageStream(images, channels, torch.device(device))
    size = size or stream.shape[2:]
    starts = group.share_of(range(0, len(images), BATCH))
    places = [torch.arange(start, min(start + BATCH, len(images))) for start in starts]
    for start, planes in zip(starts, stream.blocks(places), strict=True):
        yield start, unit_features(encoder, resized(planes, size) / 255).cpu().numpy()


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
    return _as_one((len(images), raw_pixels_size(images, channels)), raw_pixel_rows(images, channels))


@torch.inference_mode()
def raw_pixel_rows(
    images: np.ndarray, channels: int, group: ProcessGroup = ONE_PROCESS
) -> Iterator[tuple[int, np.ndarray]]:
    """The pixels themselves as features: what can be found without any learning.

    Yields:
        as ``embedded_rows``: float32 [b, channels * H * W], unit rows; H and W at most PIXELS_SIDE.
    """
    for start in group.share_of(range(0, len(images), BATCH)):
        pixels = to_device(images[start : start + BATCH], channels, torch.device("cpu")) / 255
        pixels = F.adaptive_avg_pool2d(pixels, _pixels_seen(images)).flatten(1)
        yield start, F.normalize(pixels, dim=1).numpy()


def raw_pixels_size(images: np.ndarray, channels: int) -> int:
    """F of ``raw_pixels``."""
    return channels * math.prod(_pixels_seen(images))


def _pixels_seen(images: np.ndarray) -> tuple[int, int]:
    """Height and width."""
    return min(images.shape[1], PIXELS_SIDE), min(images.shape[2], PIXELS_SIDE)


def _as_one(shape: tuple[int, int], rows: Iterable[tuple[int, np.ndarray]]) -> np.ndarray:
    whole = np.empty(shape, np.float32)
    for start, values in rows:
        whole[start : start + len(values)] = values
    return whole

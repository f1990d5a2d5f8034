"""Features of images as they are, which nothing random has touched: of those to evaluate, and of any to search.

for rows in backbone_rows(encoder, images, 3, device): ...      # float32 [b, F], a batch at a time

features/val.npy, test.npy                    float32 [N, F], by the stage features, where the backbone is frozen
features/val_weak.npy, val_strong.npy ...     the same of a random view of each image, see two_views.py
features/whole.npy                            float16 [1, N, F], of the training images, see stored.py
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from maskcon.encoders.features.stored import FEATURES, read_stored_views
from maskcon.encoders.networks import Encoder
from maskcon.encoders.networks.inference import features_in_slices, for_inference
from maskcon.images.packed.image_stream import ImageStream
from maskcon.runtime.atomic_files import write_atomically
from maskcon.runtime.progress import progress_bar
from maskcon.views.operations.crop import resized

BATCH = 512  # images at a time

BatchView = Callable[[Tensor, int], Tensor]  # uint8 [b, c, H, W], place of the first -> float32 [b, c, *size] in [0, 1]


@torch.inference_mode()
def backbone_rows(
    encoder: Encoder,
    images: np.ndarray,
    channels: int,
    device: torch.device,
    size: tuple[int, int] | None = None,
    view: BatchView | None = None,
) -> Iterator[Tensor]:
    """Features of whole images, or of a view of each, without the encoder's adapter.

    Args:
        encoder: in evaluation mode, on the device.
        images: uint8 [N, H, W, 3], may be a memory map.
        channels: 1 for a grey set, else 3.
        size: height and width at which the encoder sees whole images; their own, unless said.
        view: what the encoder sees instead of whole images.

    Yields:
        float32 [b, F] on the device, of BATCH images at a time, in order.

    Without the TF32 that torch lets convolutions on a GPU use: what is published shall not depend on the device.
    """
    stream = ImageStream(images, channels, torch.device(device))
    size = size or stream.shape[2:]
    encoder = for_inference(encoder, torch.zeros(1, channels, *size, device=stream.device))
    starts = range(0, len(images), BATCH)
    blocks = stream.blocks([torch.arange(start, min(start + BATCH, len(images))) for start in starts])
    for start, planes in zip(starts, blocks, strict=True):
        seen = resized(planes, size) / 255 if view is None else view(planes, start)
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield features_in_slices(encoder, seen)


def store_rows(name: str, images: int, rows: Iterable[Tensor], encoder: Encoder, folder: Path) -> None:
    """Write ``folder``/NAME.npy, float32 [N, F], where it is not there yet; of so many ``images``."""
    if (file := folder / f"{name}.npy").exists():
        return
    blocks = [np.empty((0, encoder.feature_size), np.float32)]
    with progress_bar(f"features of {name.replace('_', ', ')} images", images) as bar:
        for some in rows:
            blocks.append(some.cpu().numpy())
            bar.update(len(some))
    together = np.concatenate(blocks)
    write_atomically(file, lambda to: np.save(to, together))


def stored_rows(part: str, images: int, device: torch.device) -> Iterator[Tensor]:
    """The same of a part, ``train``, ``val`` or ``test_weak``, as the stage features has stored them."""
    if part == "train":
        rows = read_stored_views("whole", images)[0]
    else:
        rows = np.load(FEATURES / f"{part}.npy", mmap_mode="r", allow_pickle=False)
    for start in range(0, images, BATCH):
        yield torch.from_numpy(rows[start : start + BATCH].astype(np.float32)).to(device)

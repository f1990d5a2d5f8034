"""Where training images are: all on the device, or on the disk and on their way to it.

    images = resident_or_streamed(training_set.images, channels=3, device=device, resident_share=0.25)
    for block in blocks_of(images, [places, other_places]):      # uint8 [B, c, H, W] on the device

Both ways give the same images bit for bit. A set that streams costs the memory of two blocks: while one is in use, a
thread gathers the next one's rows from the memory map, into pinned memory where there is a GPU, from which they are
copied without the host waiting.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def resident_or_streamed(
    images: np.ndarray, channels: int, device: torch.device, resident_share: float
) -> "Tensor | ImageStream":
    """A set that takes up to a share of the device's memory as a tensor there, a larger one as a stream.

    Args:
        images: uint8 [N, H, W, 3], may be a memory map.
        channels: 1 for a grey set, else 3.
        resident_share: of the device's memory, in [0, 1]; 0 streams every set.
    """
    size = images.nbytes // images.shape[3] * channels
    if size <= resident_share * device_memory(device):
        return to_device(images, channels, device)
    return ImageStream(images, channels, device)


def device_memory(device: torch.device) -> int:
    """Bytes of memory: the GPU's; or the machine's, or what a container may use of it."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(CONTAINER_LIMIT.read_text()))
    except (OSError, ValueError):  # there is none: no such file, or the word "max" in it
        return machine


def to_device(images: np.ndarray, channels: int, device: torch.device) -> Tensor:
    """uint8 [N, H, W, 3] -> uint8 [N, channels, H, W] on the device; a grey set's three channels are equal."""
    planes = images[..., :channels].transpose(0, 3, 1, 2)
    return torch.from_numpy(np.array(planes, order="C")).to(device)  # a copy: torch warns of read-only memory maps


def blocks_of(images: "Tensor | ImageStream", places: Sequence[Tensor]) -> Iterator[Tensor]:
    """uint8 [B, c, H, W] on the device, for each of the int64 [B] on the CPU in ``places``."""
    if isinstance(images, ImageStream):
        yield from images.blocks(places)
    else:
        for block in places:
            yield images[block.to(images.device)]


@dataclass
class Buffer:
    """Host memory for a block."""

    rows: Tensor  # uint8 [B, H, W, 3]
    copied: torch.cuda.Event | None = None  # once what it held last is on the device


class ImageStream:
    """A set that stays on the disk; in part indexed as a tensor uint8 [N, c, H, W] on the device would be.

    Args:
        images: uint8 [N, H, W, 3], a memory map.
    """

    def __init__(self, images: np.ndarray, channels: int, device: torch.device):
        number, height, width, _ = images.shape
        self.images = images
        self.device = device
        self.shape = (number, channels, height, width)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: Tensor) -> Tensor:
        """The images at places int64 [B], at once."""
        return self._on_device(self._gather(places.cpu(), self._buffer(len(places))))

    def blocks(self, places: Sequence[Tensor]) -> Iterator[Tensor]:
        """The images of each block; while one is in use the next is gathered."""
        if not places:
            return
        buffers = [self._buffer(max(map(len, places))) for _ in range(2)]
        with ThreadPoolExecutor(1, thread_name_prefix="images") as reader:
            coming = reader.submit(self._gather, places[0], buffers[0])
            for number in range(len(places)):
                block = self._on_device(coming.result(), len(places[number]))
                if number + 1 < len(places):
                    coming = reader.submit(self._gather, places[number + 1], buffers[(number + 1) % 2])
                yield block

    def _buffer(self, size: int) -> Buffer:
        pinned = self.device.type == "cuda"
        return Buffer(torch.empty((size, *self.images.shape[1:]), dtype=torch.uint8, pin_memory=pinned))

    def _gather(self, places: Tensor, buffer: Buffer) -> Buffer:
        """Rows of the memory map side by side in the buffer. numpy lets other threads run while it copies."""
        if buffer.copied is not None:
            buffer.copied.synchronize()
        rows = buffer.rows[: len(places)].numpy()
        np.take(self.images, places.numpy(), axis=0, out=rows, mode="clip")  # "raise" would copy twice
        return buffer

    def _on_device(self, buffer: Buffer, number: int | None = None) -> Tensor:
        """The first ``number`` rows as uint8 [number, c, H, W]; a copy, so that the buffer can be filled again."""
        rows = buffer.rows[:number].to(self.device, non_blocking=True)
        if self.device.type == "cuda":
            buffer.copied = torch.cuda.Event()
            buffer.copied.record()
        planes = rows[..., : self.shape[1]].permute(0, 3, 1, 2)
        return planes.clone(memory_format=torch.contiguous_format)

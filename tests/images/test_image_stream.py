import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from maskcon.images.packed import image_stream
from maskcon.images.packed.image_stream import ImageStream, blocks_of, device_memory, resident_or_streamed, to_device

CPU = torch.device("cpu")
SOON = 30  # seconds, within which another thread does what it is bound to do


@pytest.fixture
def images(tmp_path):
    """uint8 [50, 6, 4, 3] as a set has them: a read-only memory map."""
    pixels = np.random.default_rng(0).integers(0, 256, (50, 6, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", pixels)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


def random_places(*sizes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(50, (size,), generator=generator) for size in sizes]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_on_the_device_are_planes_of_channels(channels):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    images.flags.writeable = False  # as those of a memory map
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        planes = to_device(images, channels, CPU)
    assert planes.dtype == torch.uint8
    assert planes.is_contiguous()
    assert planes.shape == (5, channels, 4, 6)
    for channel in range(channels):
        assert planes[:, channel].tolist() == images[..., channel].tolist()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sizes", [[], [16, 16, 16, 3], [1, 20, 5]])
def test_streamed_blocks_are_the_resident_ones(images, channels, sizes):
    """Also those kept while later ones come, whose buffers are filled again."""
    places = random_places(*sizes)
    streamed = list(blocks_of(ImageStream(images, channels, CPU), places))
    resident = list(blocks_of(to_device(images, channels, CPU), places))
    assert len(streamed) == len(resident) == len(sizes)
    for block, one, other in zip(places, streamed, resident, strict=True):
        assert one.dtype == torch.uint8
        assert one.is_contiguous()
        assert one.shape == (len(block), channels, 6, 4)
        assert torch.equal(one, other)


def test_places_are_read_at_once(images):
    stream, resident = ImageStream(images, 3, CPU), to_device(images, 3, CPU)
    (places,) = random_places(9)
    assert torch.equal(stream[places], resident[places])
    assert (len(stream), stream.shape) == (50, (50, 3, 6, 4))


@pytest.mark.parametrize("channels", [1, 3])
def test_what_takes_more_than_its_share_streams(images, channels):
    fits = 50 * 6 * 4 * channels / device_memory(CPU)
    resident = resident_or_streamed(images, channels, CPU, fits * 1.001)
    streamed = resident_or_streamed(images, channels, CPU, fits * 0.999)
    assert isinstance(resident, torch.Tensor)
    assert isinstance(streamed, ImageStream)
    assert isinstance(resident_or_streamed(images, channels, CPU, 0.0), ImageStream)


def test_memory_of_a_container_is_what_it_may_use(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(image_stream, "CONTAINER_LIMIT", limit)
    machine = device_memory(CPU)
    limit.write_text("max\n")
    assert device_memory(CPU) == machine
    limit.write_text("1000000\n")
    assert device_memory(CPU) == 1_000_000
    limit.write_text(f"{machine + 1}\n")
    assert device_memory(CPU) == machine


def test_next_block_is_gathered_while_this_one_is_in_use(images, monkeypatch):
    """The step sees the next block's rows arrive without asking for them, so another thread is at it."""
    gathers = []

    class Recording(ThreadPoolExecutor):
        def submit(self, *work):
            gathers.append(super().submit(*work))
            return gathers[-1]

    monkeypatch.setattr(image_stream, "ThreadPoolExecutor", Recording)
    stream = ImageStream(images, 3, CPU)
    for step, _ in enumerate(stream.blocks(random_places(8, 8, 8, 8))):
        assert len(gathers) == min(step + 2, 4)  # no further ahead: two buffers are all the memory there is
        gathers[-1].result(SOON)


def test_an_epoch_left_half_way_leaves_no_thread(images):
    before = threading.active_count()
    blocks = ImageStream(images, 3, CPU).blocks(random_places(8, 8, 8))
    next(blocks)
    blocks.close()
    assert threading.active_count() == before

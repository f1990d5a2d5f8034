import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from maskcon.images.packed import image_stream
from maskcon.images.packed.image_stream import ImageStream, blocks_of, device_memory, resident_or_streamed

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


@pytest.mark.filterwarnings("error")  # torch warns of memory that is read-only
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sizes", [[], [16, 16, 16, 3], [1, 20, 5]])
def test_streamed_blocks_are_the_resident_ones(images, channels, sizes):
    """Also those kept while later ones come, whose buffers are filled again. What exceeds its share streams."""
    places, fits = random_places(*sizes), 50 * 6 * 4 * channels / device_memory(CPU)
    resident = resident_or_streamed(images, channels, CPU, fits * 1.001)
    streamed = resident_or_streamed(images, channels, CPU, fits * 0.999)
    assert (type(resident), type(streamed)) == (torch.Tensor, ImageStream)
    blocks = [list(blocks_of(of, places)) for of in (resident, streamed)]
    assert list(map(len, blocks)) == [len(sizes)] * 2
    for block, one, other in zip(places, *blocks, strict=True):
        planes = images[block.numpy()][..., :channels].transpose(0, 3, 1, 2)
        assert other.is_contiguous()
        assert other.dtype == torch.uint8
        assert one.tolist() == other.tolist() == streamed[block].tolist() == planes.tolist()


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

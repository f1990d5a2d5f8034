"""Batches of two views: which images, in which order, augmented many at a time.

Everything random comes from the run's seed and the position (epoch, block), so that a run resumed at any epoch sees
what an uninterrupted one would.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from maskcon.images.packed.image_stream import ImageStream, blocks_of
from maskcon.runtime.randomness import derived_seed, torch_generator
from maskcon.training.processes import ALONE, Processes
from maskcon.views.operations.crop import resized
from maskcon.views.operations.draws import GeneratorOfRows
from maskcon.views.operations.families import View

BLOCK = 4096  # images augmented together: large enough that the cost per operation is spread
BLOCK_PIXELS = BLOCK * 64 * 64  # and of larger images fewer, as their views must fit into memory


@dataclass(frozen=True)
class Batch:
    query_view: Tensor  # float32 [b, c, H, W] in [0, 1]: of this process's images, which are all where it is alone
    key_view: Tensor  # float32 [b, c, H, W] in [0, 1]
    coarse: Tensor  # int64 [B], of the whole batch
    seed: int = 0  # of whatever else is drawn for this batch
    places: Tensor | None = None  # int64 [B], of the images in the training set
    view_of: Callable[[Tensor, torch.Generator], Tensor] | None = None  # places [B] -> a further query view [b]

    def generator(self, use: str) -> torch.Generator:
        """A generator on the CPU for one use of this batch."""
        return torch_generator(self.seed, use)


class TwoViewBatches:
    """The batches of every epoch.

    Args:
        images: uint8 [N, c, H, W], on the device that the views shall be on, or a stream to it.
        coarse: int64 [N], same device.
        query_view, key_view: see maskcon/views/operations/families.py.
        batch_size: images a batch; what does not fill a batch is left out of its epoch.
        seed: the run's.
        stretch: float64 [N], on the CPU, where images were squashed when they were stored: see crop.draw_crops.
        processes: those that share each batch; views are made of this one's images, the same whatever their number.
        view_size: height and width of the views; None: those of the images.
    """

    def __init__(
        self,
        images: Tensor | ImageStream,
        coarse: Tensor,
        query_view: View,
        key_view: View,
        batch_size: int,
        seed: int,
        stretch: Tensor | None = None,
        processes: Processes = ALONE,
        view_size: tuple[int, int] | None = None,
    ) -> None:
        self.images = images
        self.coarse = coarse
        self.query_view = query_view
        self.key_view = key_view
        self.batch_size = batch_size
        self.seed = seed
        self.stretch = stretch
        self.processes = processes
        self.view_size = view_size or tuple(images.shape[2:])

    @property
    def number(self) -> int:
        """N, of all images."""
        return len(self.images)

    def __len__(self) -> int:
        return self.number // self.batch_size

    def epoch(self, name: str | int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of the epoch called ``name``: a number, or a word for an epoch outside of training.

        From ``first_batch`` on they are what they would have been; blocks that lie before it are not augmented.
        """
        order = self.order(name)
        if not len(order):
            return
        images_per_block = min(BLOCK, BLOCK_PIXELS // math.prod(self.images.shape[2:]))
        batches_per_block = max(images_per_block // self.batch_size, 1)
        blocks = order.split(batches_per_block * self.batch_size)
        first_block = first_batch // batches_per_block
        coming = blocks_of(self.images, [self.processes.share_of(indices) for indices in blocks[first_block:]])
        images_per_share = self.processes.size_of_share(self.batch_size)
        for block, (indices, images) in enumerate(zip(blocks[first_block:], coming, strict=True), first_block):
            stretch = self._stretch_of(self.processes.share_of(indices))
            query_draws = self._of_share(torch_generator(self.seed, "query view", name, block), len(indices))
            key_draws = self._of_share(torch_generator(self.seed, "key view", name, block), len(indices))
            indices = indices.to(self.images.device)
            views = zip(
                self.query_view(images, query_draws, stretch).split(images_per_share),
                self.key_view(images, key_draws, stretch).split(images_per_share),
                indices.split(self.batch_size),
                strict=True,
            )
            for number, (query_view, key_view, places) in enumerate(views, block * batches_per_block):
                if number < first_batch:
                    continue
                seed = derived_seed(self.seed, "batch", name, number)
                yield Batch(query_view, key_view, self.coarse[places], seed, places, self.query_view_of)

    def order(self, name: str | int) -> Tensor:
        """int64 [steps * B], on the CPU: the places of the epoch's images in the training set, batch after batch."""
        order = torch.randperm(self.number, generator=torch_generator(self.seed, "order", name))
        return order[: len(self) * self.batch_size]

    def query_view_of(self, places: Tensor, generator: torch.Generator) -> Tensor:
        """A query view float32 [b, c, H, W] of this process's share of the images at these places, int64 [B]."""
        mine, draws = self.processes.share_of(places), self._of_share(generator, len(places))
        view = self.query_view(self.images[mine], draws, self._stretch_of(mine.cpu()))
        generator.set_state(draws.get_state())  # further views go on from there
        return view

    def whole(self, places: Tensor) -> Iterator[Tensor]:
        """The images at ``places``, int64 [n], whole and as large as views: float32 [b, c, H, W], a batch at a time."""
        for chunk in blocks_of(self.images, places.split(self.batch_size)):
            yield resized(chunk, self.view_size) / 255

    def _of_share(self, generator: torch.Generator, number: int) -> torch.Generator:
        """What draws for this process's share of so many images; alone, the generator itself."""
        mine = self.processes.share_of(torch.arange(number))
        return generator if len(mine) == number else GeneratorOfRows(generator, number, mine)

    def _stretch_of(self, places: Tensor) -> Tensor | None:
        return None if self.stretch is None else self.stretch[places]

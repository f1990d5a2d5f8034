"""Batches of two views where a view is a row of stored features, of a frozen backbone."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Generator, Tensor

from maskcon.runtime.randomness import derived_seed, torch_generator
from maskcon.training.batches import Batch, TwoViewBatches
from maskcon.training.processes import ALONE, Processes


class FeatureBatches(TwoViewBatches):
    """As TwoViewBatches; which of the stored views of an image is taken is drawn for each batch.

    Args:
        query_views, key_views: float16 [V, N, F], may be memory maps. Where both are the same, an image's two views
            are different ones of them.
        whole_images: float16 [N, F].
        coarse: int64 [N], on the device that the rows shall be on.
    """

    def __init__(
        self,
        query_views: np.ndarray,
        key_views: np.ndarray,
        whole_images: np.ndarray,
        coarse: Tensor,
        batch_size: int,
        seed: int,
        processes: Processes = ALONE,
    ) -> None:
        self.query_views = query_views
        self.key_views = key_views
        self.whole_images = whole_images
        self.coarse = coarse
        self.batch_size = batch_size
        self.seed = seed
        self.processes = processes

    @property
    def number(self) -> int:
        return len(self.coarse)

    def epoch(self, name: str | int, first_batch: int = 0) -> Iterator[Batch]:
        batches = self.order(name).split(self.batch_size) if len(self) else ()
        for number, places in enumerate(batches[first_batch:], first_batch):
            generator = torch_generator(self.seed, "stored views", name, number)
            query = self._draw(self.query_views, len(places), generator)
            key = self._draw(self.key_views, len(places), generator)
            if self.query_views is self.key_views:
                key = (query + 1 + key % max(len(self.key_views) - 1, 1)) % len(self.key_views)
            yield Batch(
                self._rows(self.query_views, query, places),
                self._rows(self.key_views, key, places),
                self.coarse[places.to(self.coarse.device)],
                derived_seed(self.seed, "batch", name, number),
                places.to(self.coarse.device),
                self.query_view_of,
            )

    def query_view_of(self, places: Tensor, generator: Generator) -> Tensor:
        """A stored query view float32 [b, F] of this process's share of the images at these places, int64 [B]."""
        places = places.cpu()
        return self._rows(self.query_views, self._draw(self.query_views, len(places), generator), places)

    def whole(self, places: Tensor) -> Iterator[Tensor]:
        """The images at ``places``, int64 [n], whole: a batch float32 [b, F] at a time."""
        for some in places.split(self.batch_size):
            yield torch.from_numpy(self.whole_images[some.numpy()]).float().to(self.coarse.device)

    def _rows(self, views: np.ndarray, which: Tensor, places: Tensor) -> Tensor:
        """float32 [b, F] of this process's share."""
        which, places = self.processes.share_of(which), self.processes.share_of(places)
        return torch.from_numpy(views[which.numpy(), places.numpy()]).float().to(self.coarse.device)

    def _draw(self, views: np.ndarray, number: int, generator: Generator) -> Tensor:
        return torch.randint(len(views), (number,), generator=generator)

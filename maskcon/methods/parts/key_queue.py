"""The queue: the most recent keys with their coarse labels, a ring that any batch size wraps around."""

import torch
from torch import Tensor, nn


class KeyQueue(nn.Module):
    """Keys float32 [K, D] and coarse labels int64 [K]; all of its state is in its state dict.

    Until it has been filled its entries are zero keys of coarse class -1, which no image has. With a feature size F it
    also keeps the features float32 [K, F] that the keys are projections of.
    """

    keys: Tensor
    coarse: Tensor
    features: Tensor | None
    position: Tensor  # int64 scalar: where the next key goes

    def __init__(self, size: int, projection_size: int, feature_size: int | None = None) -> None:
        super().__init__()
        self.register_buffer("features", None if feature_size is None else torch.zeros(size, feature_size))
        self.register_buffer("keys", torch.zeros(size, projection_size))
        self.register_buffer("coarse", torch.full((size,), -1))
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, keys: Tensor, coarse: Tensor, features: Tensor | None = None) -> None:
        """Replace the oldest entries: keys [B, D] and coarse [B], in order; of more than K only the last K stay.

        Args:
            features: [B, F], where the queue keeps them.
        """
        size = len(self.keys)
        skipped = max(len(keys) - size, 0)
        rows = (self.position + torch.arange(skipped, len(keys), device=keys.device)) % size
        self.keys.index_copy_(0, rows, keys[skipped:].to(self.keys.dtype))
        self.coarse.index_copy_(0, rows, coarse[skipped:])
        if self.features is not None:
            self.features.index_copy_(0, rows, features[skipped:].to(self.features.dtype))
        self.position.add_(len(keys)).remainder_(size)

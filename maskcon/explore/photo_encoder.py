"""A trained encoder and all that comes before it as one network: photos of any size in, unit-length features out.

    network = PhotoEncoder(trained)
    network(photos)                  # uint8 [B, H, W, 3] -> float32 [B, F]

It is made of products, sums and rounding alone, so that it can be exported as a graph. What Pillow does to a photo
(Lanczos to the stored size, Pillow's Resample.c) and what the pipeline does to a stored one (a triangle filter to the
encoder's size, maskcon/views/operations/crop.py) are two matrix products each, rounded to whole pixel values between.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskcon.explore.trained_encoder import TrainedEncoder

COEFFICIENT_BITS = 22
LUMA = (19595, 38470, 7471)  # of red, green, blue, in 65536ths: Pillow's grey (ITU-R 601)


class PhotoEncoder(nn.Module):
    """The features are those of ``TrainedEncoder.embed``, but for what ``resampled`` says of tall photos.

    Args:
        trained: on the CPU.
    """

    def __init__(self, trained: TrainedEncoder):
        super().__init__()
        data = trained.data
        self.network = trained.network
        self.stored_size = data.stored_size
        self.size = (data.height, data.width)
        self.is_grey = data.channels == 1

    def forward(self, photos: Tensor) -> Tensor:
        """Upright photos in colour, uint8 [B, H, W, 3] -> float32 [B, F], rows of length 1."""
        pixels = photos.permute(0, 3, 1, 2).double()
        pixels = resampled(pixels, self.stored_size, lanczos, reach=3)
        if self.is_grey:
            pixels = grey(pixels)
        if self.size != self.stored_size:
            pixels = resampled(pixels, self.size, triangle, reach=1)
        return F.normalize(self.network(pixels.float() / 255), dim=1)


def resampled(pixels: Tensor, size: tuple[int, int], kernel: Callable[[Tensor], Tensor], reach: int) -> Tensor:
    """[B, c, H, W] -> [B, c, *size], whole values from 0 to 255: round( R · round( pixels · C^T ) ).

    Computed with 64 bits, in which the sums are exact: halves are rounded as Pillow rounds them. Pillow takes the rows
    first where a photo loses more than twice as many rows as columns; then a pixel may differ by some steps of 255.
    """
    rows = weights(pixels.shape[2], size[0], kernel, reach, pixels.device)  # R [height, H]
    columns = weights(pixels.shape[3], size[1], kernel, reach, pixels.device)  # C [width, W]
    halfway = whole(torch.matmul(pixels, columns.T))
    return whole(torch.matmul(rows, halfway))


def weights(source: int, target: int, kernel: Callable[[Tensor], Tensor], reach: int, device: torch.device) -> Tensor:
    """float64 [target, source]: the share of every source pixel in each target pixel; rows sum to 1.

    Target pixel i looks from (i + 1/2) source / target through a kernel that is as wide as one target pixel, at least
    one source pixel, times ``reach`` on each side. Shares are whole multiples of 2^-22, as Pillow's are.
    """
    pixel = torch.arange(source, device=device, dtype=torch.float64) + 0.5
    scale = pixel.new_tensor(1.0) * source / target
    centre = (torch.arange(target, device=device, dtype=torch.float64) + 0.5) * scale
    distance = (pixel - centre[:, None]) / scale.clamp(min=1)
    share = torch.where(distance.abs() < reach, kernel(distance), 0)
    share = share / share.sum(dim=1, keepdim=True)
    return share.sign() * torch.floor(share.abs() * 2**COEFFICIENT_BITS + 0.5) / 2**COEFFICIENT_BITS


def lanczos(distance: Tensor) -> Tensor:
    return torch.special.sinc(distance) * torch.special.sinc(distance / 3)


def triangle(distance: Tensor) -> Tensor:
    return 1 - distance.abs()


def whole(values: Tensor) -> Tensor:
    """Halves rounded up, as Pillow does."""
    return torch.floor(values + 0.5).clamp(0, 255)


def grey(pixels: Tensor) -> Tensor:
    """[B, 3, H, W] -> [B, 1, H, W]."""
    shares = pixels.new_tensor(LUMA) / 65536
    return torch.floor((pixels * shares[:, None, None]).sum(dim=1, keepdim=True) + 0.5)

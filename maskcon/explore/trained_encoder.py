"""A trained encoder as people use it: photos in, features out.

    from maskcon.explore.trained_encoder import load_trained_encoder
    encoder = load_trained_encoder("models/encoder.pt")
    features = encoder.embed(["cat.jpg", "dog.png"])         # float32 [2, F], unit rows: an inner product is a cosine

A photo is read as the packed sets are: any format that Pillow reads, upright, in colour, on white, squashed to the
stored size, and seen by the encoder at its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image

from maskcon.embedding.features import embed
from maskcon.encoders.networks import Encoder, load_encoder_with_data
from maskcon.images.reading.photo import BadPhoto, read_photo
from maskcon.parameters.data import DataParameters
from maskcon.parameters.errors import UserError
from maskcon.parameters.sentences import show


@dataclass(frozen=True)
class TrainedEncoder:
    network: Encoder  # in evaluation mode
    data: DataParameters  # of the image set it was trained on
    device: torch.device

    def embed(self, photos: Sequence[Path | str | IO[bytes]]) -> np.ndarray:
        """float32 [N, F], unit rows: a photo each, by path or as an open file.

        Raises:
            UserError: photos that cannot be read, all of them named.
        """
        return self.embed_images(self.read(photos))

    def embed_images(self, images: np.ndarray) -> np.ndarray:
        """float32 [N, F], unit rows, of images as ``read`` gives them."""
        return embed(self.network, images, self.data.channels, self.device, (self.data.height, self.data.width))

    def read(self, photos: Sequence[Path | str | IO[bytes]]) -> np.ndarray:
        """uint8 [N, H, W, 3] at the stored size; three equal channels where the encoder sees grey."""
        images = np.empty((len(photos), *self.data.stored_size, 3), np.uint8)
        faults = []
        for number, photo in enumerate(photos):
            try:
                pixels = read_photo(Path(photo) if isinstance(photo, str) else photo, *self.data.stored_size).pixels
            except BadPhoto as fault:
                name = show(photo) if isinstance(photo, str | Path) else f"photo {number + 1}"
                faults.append(f"{name} {fault}")
            else:
                images[number] = pixels if self.data.channels == 3 else grey(pixels)
        if faults:
            raise UserError(f"cannot read {len(faults)} of {len(photos)} photos: {'; '.join(faults)}")
        return images


def load_trained_encoder(path: Path | str, device: torch.device | str | None = None) -> TrainedEncoder:
    """Of a file models/encoder.pt, on a GPU where there is one unless ``device`` says otherwise.

    Raises:
        UserError: the file is missing or not an encoder of this program.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    network, data = load_encoder_with_data(Path(path), device)
    return TrainedEncoder(network, data, device)


def grey(pixels: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] in colour -> the same shape, with the luma of ITU-R 601 in all three channels."""
    luma = np.asarray(Image.fromarray(pixels).convert("L"))
    return np.repeat(luma[..., None], 3, axis=2)

"""How a view cut from a photo as it is stored differs from one cut from the photo itself, by the size that is stored.

    python -m benchmarks.stored_photos > benchmarks/results/stored_photos.md

Photos are squashed to a square once (data.stored), and views of 224 x 224 are cut from the square. Beside that, the
same boxes cut from the photo. Printed are the mean difference of pixels, in levels of 255, and the signal-to-noise
ratio, of 60 boxes in each of two photos of 640 x 427 pixels.
"""

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from tabulate import tabulate

from maskcon.runtime.randomness import torch_generator
from maskcon.views.operations.crop import Crops, draw_crops, resized_crop

VIEW = 224
BOXES = 60
STORED = (224, 256, 320, 384)


def differences(photo: Image.Image, stored: int) -> np.ndarray:
    """float64 [BOXES, VIEW, VIEW, 3]: views cut from the square less those cut from the photo."""
    square = np.asarray(photo.resize((stored, stored), Image.Resampling.LANCZOS))
    stretch = torch.full((BOXES,), photo.width / photo.height, dtype=torch.float64)
    crops = draw_crops(BOXES, stored, stored, torch_generator(0, "boxes"), stretch=stretch)
    crops = Crops(crops.top, crops.left, crops.height, crops.width, torch.zeros(BOXES, dtype=torch.bool))
    images = torch.from_numpy(square.copy()).permute(2, 0, 1).expand(BOXES, 3, stored, stored)
    views = resized_crop(images, crops, (VIEW, VIEW)).permute(0, 2, 3, 1).double().numpy()

    across, down = photo.width / stored, photo.height / stored
    sides = zip(crops.left.tolist(), crops.top.tolist(), crops.width.tolist(), crops.height.tolist(), strict=True)
    exact = [
        photo.resize(
            (VIEW, VIEW),
            Image.Resampling.BILINEAR,
            box=(left * across, top * down, (left + width) * across, (top + height) * down),
        )
        for left, top, width, height in sides
    ]
    return views - np.stack([np.asarray(view, np.float64) for view in exact])


def main() -> None:
    photos = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    rows = []
    for stored in STORED:
        difference = np.concatenate([differences(photo, stored) for photo in photos])
        noise = 10 * np.log10(255**2 / (difference**2).mean())
        rows.append([stored, f"{abs(difference).mean():.2f}", f"{noise:.1f}", round(stored**2 * 3 / 1000)])
    headers = ["data.stored", "mean difference (levels of 255)", "signal to noise (dB)", "kB a photo"]
    print(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

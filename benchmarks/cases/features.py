"""Features of a frozen backbone: views drawn, encoded and written, beside the network alone."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.contest import Case, Contest
from benchmarks.photographs import photographs
from maskcon.encoders.features.computing import BLOCK, _files, _rows
from maskcon.encoders.networks import build_encoder
from maskcon.encoders.networks.inference import features_in_slices, for_inference
from maskcon.images.packed.image_stream import ImageStream
from maskcon.parameters.composition import compose_parameters
from maskcon.runtime.hardware import multiplies_bfloat16
from maskcon.runtime.randomness import torch_generator
from maskcon.views.operations.families import view_maker

PHOTOS, SIDE = 1024, 32
ROUNDING = 1e-2  # of a feature, kept as float16 and computed in bfloat16 where the processor does


def against_bare_forward() -> Contest:
    """The network is made ready for inference beforehand for both: that is done once, for any number of photos."""
    parameters = compose_parameters(Path("conf"), ["recipe=small_photos", "model.weights=none"])
    torch.manual_seed(0)
    encoder = build_encoder(parameters.model, parameters.data).eval()
    encoder = for_inference(encoder, torch.zeros(1, 3, SIDE, SIDE))
    images = ImageStream(photographs(PHOTOS, SIDE), 3, torch.device("cpu"))
    view = view_maker("small_colour", "strong", (SIDE, SIDE))
    starts = range(0, PHOTOS, BLOCK)

    def ours() -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            file = _files(Path(folder), {"strong": (1, PHOTOS, encoder.feature_size)})["strong"]
            blocks = [("strong", 0, start) for start in starts]
            for start, rows in zip(starts, _rows(encoder, images, None, {"strong": view}, blocks, seed=0), strict=True):
                file[0, start : start + len(rows)] = rows
            file.flush()
            return np.array(file[0], np.float32)

    def views() -> Iterator[torch.Tensor]:
        for start in starts:
            generator = torch_generator(0, "features", "strong", 0, start)
            yield view(images[torch.arange(start, start + BLOCK)], generator, None)

    ready = list(views())

    @torch.inference_mode()
    def peer() -> np.ndarray:
        with torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16()):
            return torch.cat([features_in_slices(encoder, one) for one in ready]).float().numpy()

    return Contest(ours, peer, lambda: float(np.abs(ours() - peer()).max()), ROUNDING)


CASES = [
    Case(
        name="features_of_views",
        work=f"strong views of {PHOTOS:,} photos of {SIDE} x {SIDE} through EfficientNet-Lite0 at 128 pixels, written",
        peer="the network alone, on views drawn before",
        prepare=against_bare_forward,
        wanted=0.9,
        rounds=7,
        packages=("timm",),
    ),
]

"""Views of every training image through a frozen backbone, block after block, resumable after each.

    compute_features(encoder, images, stretch, views, {"strong": 2, "whole": 1}, seed, scratch)

    scratch/strong.npy, whole.npy    float16 [V, N, F]: view v of image i
    scratch/done.json                how many blocks are finished

While the backbone works on a block, a thread makes the views of the next one. Processors that multiply in bfloat16 do
so here: what it changes in a view is less than what another crop does. Images to evaluate are computed in float32.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from maskcon.encoders.networks import Encoder
from maskcon.encoders.networks.inference import features_in_slices, for_inference
from maskcon.images.packed.image_set import require_space
from maskcon.images.packed.image_stream import ImageStream
from maskcon.runtime.atomic_files import write_json
from maskcon.runtime.hardware import multiplies_bfloat16
from maskcon.runtime.one_thread import thread_beside
from maskcon.runtime.progress import progress_bar
from maskcon.runtime.randomness import torch_generator
from maskcon.views.operations.families import View

BLOCK = 256  # images at a time


def compute_features(
    encoder: Encoder,
    images: ImageStream,
    stretch: Tensor | None,
    views: Mapping[str, View],
    counts: Mapping[str, int],
    seed: int,
    folder: Path,
    interruption: Callable[[], BaseException | None] = lambda: None,
) -> None:
    """Write ``folder``/NAME.npy for each of ``views``; goes on from what ``folder`` holds already.

    Args:
        encoder: without an adapter, in evaluation mode, on the images' device.
        stretch: float64 [N], see crop.draw_crops.
        views: name -> the function that draws a view of images.
        counts: name -> how many views of each image.
        interruption: asked after every block; what it returns is raised.

    Raises:
        UserError: the disk has no room.
    """
    files = _files(folder, {name: (count, len(images), encoder.feature_size) for name, count in counts.items()})
    blocks = [
        (name, view, start)
        for name, count in counts.items()
        for view in range(count)
        for start in range(0, len(images), BLOCK)
    ]
    done = _blocks_done(folder)
    total = sum(counts.values()) * len(images)
    before = sum(min(BLOCK, len(images) - start) for _, _, start in blocks[:done])
    progress = progress_bar("features of training views", total, before, "view")
    encoder = for_inference(encoder, torch.zeros(1, images.shape[1], 32, 32, device=images.device))
    for number, rows in enumerate(_rows(encoder, images, stretch, views, blocks[done:], seed), done):
        name, view, start = blocks[number]
        files[name][view, start : start + len(rows)] = rows
        progress.update(len(rows))
        interrupted = interruption()
        if interrupted or number % 16 == 15 or number + 1 == len(blocks):
            for file in files.values():
                file.flush()
            write_json(folder / "done.json", {"blocks": number + 1})
        if interrupted:
            raise interrupted
    progress.close()


@torch.inference_mode()
def _rows(
    encoder: Encoder,
    images: ImageStream,
    stretch: Tensor | None,
    views: Mapping[str, View],
    blocks: list[tuple[str, int, int]],
    seed: int,
) -> Iterator[np.ndarray]:
    """float16 [b, F] of each block."""

    def view_of(block: tuple[str, int, int]) -> Tensor:
        name, view, start = block
        places = torch.arange(start, min(start + BLOCK, len(images)))
        generator = torch_generator(seed, "features", name, view, start)
        return views[name](images[places], generator, None if stretch is None else stretch[places])

    with thread_beside("views") as maker:
        coming = maker.submit(view_of, blocks[0]) if blocks else None
        for following in [*blocks[1:], None]:
            if coming is None:
                return
            made = coming.result()
            coming = maker.submit(view_of, following) if following else None
            with torch.autocast("cpu", torch.bfloat16, enabled=made.device.type == "cpu" and multiplies_bfloat16()):
                features = features_in_slices(encoder, made)
            yield features.float().cpu().numpy().astype(np.float16)


def _files(folder: Path, shapes: Mapping[str, tuple[int, int, int]]) -> dict[str, np.memmap]:
    files = {}
    for name, shape in shapes.items():
        path = folder / f"{name}.npy"
        if not path.exists():
            require_space(folder, 2 * int(np.prod(shape)))
            (folder / "done.json").unlink(missing_ok=True)
            np.lib.format.open_memmap(path, "w+", np.float16, shape).flush()
        files[name] = np.lib.format.open_memmap(path, "r+")
    return files


def _blocks_done(folder: Path) -> int:
    try:
        return json.loads((folder / "done.json").read_text())["blocks"]
    except FileNotFoundError:
        return 0

"""What a search has found: each photo beside the images nearest to it, in rank order.

    draw_found_images(found, gallery.images, Path("exports/search.png"))

Nobody knows a photo's class here, so nothing is marked right or wrong.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from maskcon.explore.search import Found
from maskcon.figures.drawing import POINTS, TEXT_WIDTH, figure_style, new_figure, save_png
from maskcon.figures.lettering import shortened
from maskcon.figures.palette import INK, SOFT_INK
from maskcon.figures.retrieved_images import for_print

PER_LINE = 10  # images beside the photo
CELL = TEXT_WIDTH / (PER_LINE + 1)  # inches
CAPTION, CAPTION_SIZE = 0.3, 5.2  # inches beneath an image; points
MOST_LINES = 50  # in one picture


def draw_found_images(found: Sequence[Found], images: np.ndarray, path: Path) -> None:
    """Write ``path``, a PNG, with what is nearest to each photo in uint8 [N, H, W, 3]; at most MOST_LINES lines."""
    lines = [(one, start) for one in found for start in range(0, len(one.nearest), PER_LINE)][:MOST_LINES]
    height, width = images.shape[1:3]
    line_height = CELL * min(height / width, 1) + CAPTION
    with figure_style():
        figure = new_figure(TEXT_WIDTH, line_height * len(lines))
        cells = figure.subplots(len(lines), PER_LINE + 1, squeeze=False)
        figure.subplots_adjust(left=0.01, right=0.99, top=1, bottom=0, wspace=0.08, hspace=0)
        for axes in cells.flat:
            axes.axis("off")
        for (one, start), (first, *others) in zip(lines, cells, strict=True):
            if start == 0:
                _draw_image(first, one.pixels, [one.photo.name], INK)
            for near, axes in zip(one.nearest[start : start + PER_LINE], others, strict=False):
                captions = [near.fine or near.coarse, f"{near.rank}.  {near.cosine:.3f}"]
                _draw_image(axes, images[near.place], captions, SOFT_INK)
        save_png(figure, path)


def _draw_image(axes: Axes, pixels: np.ndarray, captions: Sequence[str], colour: str) -> None:
    axes.imshow(for_print(pixels), interpolation="antialiased")
    text = "\n".join(shortened(caption, CELL * POINTS - 2, CAPTION_SIZE) for caption in captions)
    axes.text(0.5, -0.04, text, transform=axes.transAxes, fontsize=CAPTION_SIZE, ha="center", va="top", color=colour)

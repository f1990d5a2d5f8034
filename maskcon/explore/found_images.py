"""What a search has found: each photo beside the images nearest to it, in rank order.

    draw_found_images(found, gallery.images, Path("exports/search.png"))

Nobody knows a photo's class here, so nothing is marked right or wrong.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from maskcon.explore.search import Found
from maskcon.figures.drawing import POINTS, TEXT_WIDTH, figure_style, new_figure, save_png, sheet
from maskcon.figures.lettering import shortened
from maskcon.figures.palette import INK, PAPER_SHADE, SOFT_INK
from maskcon.figures.retrieved_images import for_print

PER_LINE = 10  # images beside the photo
GAP, APART, MARGIN = 5.0, 13.0, 5.0  # points: between two images, between photo and images, around all
CAPTION_LINE = 7.0
LINE_GAP, ROW_GAP = 7.0, 9.0  # between two lines of one photo, between two photos
CAPTION_SIZE = 5.2
MOST_PHOTOS = 50  # in one picture


def draw_found_images(found: Sequence[Found], images: np.ndarray, path: Path) -> None:
    """Write ``path``, a PNG, of at most MOST_PHOTOS photos and what is nearest to each in uint8 [N, H, W, 3]."""
    found = found[:MOST_PHOTOS]
    per_line = min(PER_LINE, max(len(one.nearest) for one in found))
    cell = (TEXT_WIDTH * POINTS - 2 * MARGIN - APART - GAP * (PER_LINE - 1)) / (PER_LINE + 1)
    size = np.array(found[0].pixels.shape[1::-1])  # width, height
    cell_width, cell_height = cell * size / size.max()
    line_height = cell_height + 2 * CAPTION_LINE + LINE_GAP
    lines = [-(-len(one.nearest) // per_line) for one in found]
    height = 2 * MARGIN + sum(lines) * line_height + (len(found) - 1) * ROW_GAP
    width = 2 * MARGIN + cell + APART + per_line * (cell + GAP) - GAP
    inset = (cell - cell_width) / 2
    with figure_style():
        figure = new_figure(width / POINTS, height / POINTS)
        axes = sheet(figure)
        top = height - MARGIN
        for one, line_count in zip(found, lines, strict=True):
            bottom = top - line_count * line_height + LINE_GAP / 2
            shade = MARGIN + cell + APART / 2, top - bottom + 2 * MARGIN
            axes.add_patch(Rectangle((0, bottom - MARGIN), *shade, facecolor=PAPER_SHADE, lw=0))
            place = (MARGIN + inset, top - cell_height, cell_width, cell_height)
            _draw_image(axes, one.pixels, place, [one.photo.name], cell, INK)
            for number, near in enumerate(one.nearest):
                line, column = divmod(number, per_line)
                left = MARGIN + cell + APART + column * (cell + GAP) + inset
                place = (left, top - line * line_height - cell_height, cell_width, cell_height)
                captions = [near.fine or near.coarse, f"{near.rank}.  {near.cosine:.3f}"]
                _draw_image(axes, images[near.place], place, captions, cell, SOFT_INK)
            top = bottom - LINE_GAP / 2 - ROW_GAP
        axes.set(xlim=(0, width), ylim=(0, height))
        save_png(figure, path)


def _draw_image(
    axes: Axes, pixels: np.ndarray, place: tuple[float, ...], captions: Sequence[str], cell: float, colour: str
) -> None:
    left, bottom, width, height = place
    extent = (left, left + width, bottom, bottom + height)
    axes.imshow(for_print(pixels), extent=extent, interpolation="antialiased", aspect="auto", zorder=2)
    for line, text in enumerate(captions, start=1):
        axes.text(
            left + width / 2,
            bottom - CAPTION_LINE * line + 1,
            shortened(text, cell + GAP - 2, CAPTION_SIZE),
            fontsize=CAPTION_SIZE,
            ha="center",
            color=colour if line == 1 else SOFT_INK,
        )

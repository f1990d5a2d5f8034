"""What a search has found: each photo beside the images nearest to it, in rank order.

    draw_found_images(rows, Path("exports/search.png"))

Nobody knows a photo's class here, so nothing is marked right or wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from maskcon.figures.drawing import PIXELS_PER_INCH, POINTS, TEXT_WIDTH, figure_style, new_figure, sheet
from maskcon.figures.lettering import shortened
from maskcon.figures.palette import INK, PAPER_SHADE, SOFT_INK
from maskcon.figures.retrieved_images import for_print
from maskcon.runtime.atomic_files import write_atomically

PER_LINE = 10  # images beside the photo
GAP, APART, MARGIN = 5.0, 13.0, 5.0  # points: between two images, between photo and images, around all
CAPTION_LINE = 7.0
LINE_GAP, ROW_GAP = 7.0, 9.0  # between two lines of one photo, between two photos
CAPTION_SIZE = 5.2
MOST_PHOTOS = 50  # in one picture


@dataclass(frozen=True)
class FoundRow:
    photo: np.ndarray  # uint8 [H, W, 3]
    name: str
    images: list[np.ndarray]  # uint8 [H, W, 3], nearest first
    names: list[str]  # of their classes
    similarities: list[float]


def draw_found_images(rows: Sequence[FoundRow], path: Path) -> None:
    """Write ``path``, a PNG, of at most MOST_PHOTOS photos.

    Args:
        rows: all images of one size.
    """
    rows = rows[:MOST_PHOTOS]
    per_line = min(PER_LINE, max(len(row.images) for row in rows))
    cell = (TEXT_WIDTH * POINTS - 2 * MARGIN - APART - GAP * (PER_LINE - 1)) / (PER_LINE + 1)
    pixel_height, pixel_width = rows[0].photo.shape[:2]
    scale = cell / max(pixel_width, pixel_height)
    cell_width, cell_height = scale * pixel_width, scale * pixel_height
    line_height = cell_height + 2 * CAPTION_LINE + LINE_GAP
    lines = [-(-len(row.images) // per_line) for row in rows]
    height = 2 * MARGIN + sum(lines) * line_height + (len(rows) - 1) * ROW_GAP
    width = 2 * MARGIN + cell + APART + per_line * (cell + GAP) - GAP
    with figure_style():
        figure = new_figure(width / POINTS, height / POINTS)
        axes = sheet(figure)
        top = height - MARGIN
        for row, line_count in zip(rows, lines, strict=True):
            bottom = top - line_count * line_height + LINE_GAP / 2
            axes.add_patch(
                Rectangle(
                    (0, bottom - MARGIN),
                    MARGIN + cell + APART / 2,
                    top - bottom + 2 * MARGIN,
                    facecolor=PAPER_SHADE,
                    lw=0,
                )
            )
            place = (MARGIN + (cell - cell_width) / 2, top - cell_height, cell_width, cell_height)
            _draw_image(axes, row.photo, place, [row.name], cell, INK)
            for number, pixels in enumerate(row.images):
                line, column = divmod(number, per_line)
                left = MARGIN + cell + APART + column * (cell + GAP) + (cell - cell_width) / 2
                place = (left, top - line * line_height - cell_height, cell_width, cell_height)
                captions = [row.names[number], f"{number + 1}.  {row.similarities[number]:.3f}"]
                _draw_image(axes, pixels, place, captions, cell, SOFT_INK)
            top = bottom - LINE_GAP / 2 - ROW_GAP
        axes.set(xlim=(0, width), ylim=(0, height))
        write_atomically(
            path,
            lambda file: figure.savefig(file, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None}),
        )


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

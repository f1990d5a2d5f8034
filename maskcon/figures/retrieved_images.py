"""For a few queries of every coarse class, the nearest images in rank order.

    layout = lay_out(rows=20, neighbours=10, images=images, captions=captions)
    queries = choose_queries(coarse, fine, per_class=2, most=layout.most_rows, generator=generator)
    retrievals = nearest_images(features, queries, neighbours=10)
    draw_retrieved_images(retrievals, images, captions, layout, path)

A right neighbour (same fine class) has a solid dark frame, a wrong one a dashed frame and a cross: the
difference survives a grey print. Without fine labels, right means the same coarse class.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

from maskcon.evaluation.retrieval.neighbours import gallery_neighbours, without_itself
from maskcon.figures.drawing import POINTS, SMALL_SIZE, TEXT_WIDTH, figure_style, new_figure, save_figure, sheet
from maskcon.figures.lettering import text_width, wrapped
from maskcon.figures.palette import INK, PAPER_SHADE, RIGHT, RULE, SOFT_INK, WRONG
from maskcon.images.packed.image_set import LabelledSet

PAGE_HEIGHT = 540.0  # points that the figure may take: a page of the report, less its caption and the parameters
WIDEST_NAME = 58.0  # of the coarse class at the left
APART = 14.0  # between the query and its neighbours
LEAST_GAP, WIDEST_GAP = 5.0, 15.0  # between two images
MARGIN = 6.0  # right of the last image, for its mark
HEADER_HEIGHT = 32.0
CAPTION_SIZE = 5.0
CAPTION_LINE = 6.2
ROW_GAP = 4.0
SMALLEST_CELL, LARGEST_CELL = 22.0, 64.0
STORED_PIXELS = 112  # an image's longer side in the file, about 200 to the inch


@dataclass(frozen=True)
class Retrieval:
    """One row of the figure, as positions in the split."""

    query: int
    neighbours: np.ndarray  # int64 [k], nearest first


@dataclass(frozen=True)
class Captions:
    """The names under the images of the split, and what counts as right."""

    coarse_name: np.ndarray  # str [N]
    name: np.ndarray  # str [N]: the fine class, or the coarse one without fine labels
    label: np.ndarray  # int64 [N]: equal labels are right
    kind: str  # what these labels are: "fine class" or "coarse class"


def captions_of(labelled: LabelledSet) -> Captions:
    """By fine class, or by coarse class where there are no fine labels."""
    if labelled.fine is None:
        return Captions(labelled.coarse_name, labelled.coarse_name, labelled.coarse, "coarse class")
    return Captions(labelled.coarse_name, labelled.fine_name, labelled.fine, "fine class")


@dataclass(frozen=True)
class Layout:
    """Sizes in points; the same for every row."""

    name_width: float
    cell_width: float
    gap: float
    image_height: float
    caption_lines: int

    @property
    def row_height(self) -> float:
        return self.image_height + self.caption_lines * CAPTION_LINE + ROW_GAP

    @property
    def most_rows(self) -> int:
        """How many rows one page holds."""
        return max(1, int((PAGE_HEIGHT - HEADER_HEIGHT) / self.row_height + 1e-9))

    def left(self, column: int) -> float:
        """Where an image begins: column 0 is the query, column r the r-th neighbour."""
        return self.name_width + column * (self.cell_width + self.gap) + (APART if column else 0)


def lay_out(rows: int, neighbours: int, images: np.ndarray, captions: Captions) -> Layout:
    """As large as the page is wide; smaller, within reason, where that lets all rows stand on one page.

    Args:
        rows: as many as one would like; the page may hold fewer (``most_rows``).
        neighbours: columns beside the query.
        images: uint8 [N, H, W, 3].
    """
    names = [text_width(name, SMALL_SIZE) for name in set(captions.coarse_name)]
    name_width = min(WIDEST_NAME, max(names) + 12)
    width = TEXT_WIDTH * POINTS - name_width - APART - MARGIN
    widest_cell = min(LARGEST_CELL, (width - LEAST_GAP * neighbours) / (neighbours + 1))
    cell = min(widest_cell, max(SMALLEST_CELL, _cell_that_fits(rows, images, caption_lines=1)))
    caption_lines = 2 if any(text_width(name, CAPTION_SIZE) > cell + LEAST_GAP for name in set(captions.name)) else 1
    if caption_lines == 2:
        cell = min(widest_cell, max(SMALLEST_CELL, _cell_that_fits(rows, images, caption_lines)))
    gap = float(np.clip((width - cell * (neighbours + 1)) / neighbours, LEAST_GAP, WIDEST_GAP))
    return Layout(name_width, cell, gap, cell * images.shape[1] / images.shape[2], caption_lines)


def _cell_that_fits(rows: int, images: np.ndarray, caption_lines: int) -> float:
    """The width of an image with which so many rows fill the page."""
    row_height = (PAGE_HEIGHT - HEADER_HEIGHT) / rows
    return (row_height - ROW_GAP - caption_lines * CAPTION_LINE) * images.shape[2] / images.shape[1]


def choose_queries(
    coarse: np.ndarray, fine: np.ndarray | None, per_class: int, most: int, generator: np.random.Generator
) -> np.ndarray:
    """Draw queries at random, of different fine classes where a coarse class has several.

    Where not all fit, first fewer queries stand for each coarse class; where even one each is too many, coarse
    classes are drawn too.

    Returns:
        int64 [at most ``most``], sorted by coarse class.
    """
    classes = np.unique(coarse)
    if len(classes) > most:
        classes = np.sort(generator.choice(classes, size=most, replace=False))
    per_class = max(1, min(per_class, most // len(classes)))
    chosen = []
    for one in classes:
        order = generator.permutation(np.flatnonzero(coarse == one))
        if fine is not None:
            first_of_its_class = np.sort(np.unique(fine[order], return_index=True)[1])
            order = np.concatenate([order[first_of_its_class], np.delete(order, first_of_its_class)])
        chosen.extend(order[:per_class])
    return np.array(chosen, dtype=np.int64)


def nearest_images(features: np.ndarray, queries: np.ndarray, neighbours: int) -> list[Retrieval]:
    """The images most similar to each query by cosine, the query itself left out by its position.

    Args:
        features: float32 [N, F], unit rows.
        queries: int64 [Q], positions in ``features``.
        neighbours: how many; fewer where the split has fewer.
    """
    gallery = torch.from_numpy(features)
    found, _ = gallery_neighbours(gallery[queries], gallery, min(neighbours + 1, len(features)))
    nearest = without_itself(found, torch.from_numpy(queries)).numpy()
    return [Retrieval(int(query), row) for query, row in zip(queries, nearest, strict=True)]


def draw_retrieved_images(
    retrievals: Sequence[Retrieval], images: np.ndarray, captions: Captions, layout: Layout, path: Path
) -> None:
    """Write ``path``.png and ``path``.pdf.

    Args:
        retrievals: a row each, neighbouring rows of one coarse class stand together.
        images: uint8 [N, H, W, 3].
    """
    columns = max(len(one.neighbours) for one in retrievals)
    height = HEADER_HEIGHT + layout.row_height * len(retrievals)
    with figure_style():
        figure = new_figure(TEXT_WIDTH, height / POINTS)
        axes = sheet(figure)
        axes.add_patch(
            Rectangle(
                (layout.left(0) - 4, 0), layout.cell_width + 8, height - 16, facecolor=PAPER_SHADE, edgecolor="none"
            )
        )
        _draw_header(axes, layout, columns, height, captions.kind)
        for row, retrieval in enumerate(retrievals):
            top = height - HEADER_HEIGHT - row * layout.row_height
            coarse = captions.coarse_name[retrieval.query]
            if row == 0 or coarse != captions.coarse_name[retrievals[row - 1].query]:
                _name_coarse_class(axes, coarse, top, layout, columns)
            _draw_image(axes, layout, 0, top, images[retrieval.query], captions.name[retrieval.query], right=None)
            for rank, neighbour in enumerate(retrieval.neighbours, start=1):
                right = bool(captions.label[neighbour] == captions.label[retrieval.query])
                _draw_image(axes, layout, rank, top, images[neighbour], captions.name[neighbour], right)
        axes.set(xlim=(0, TEXT_WIDTH * POINTS), ylim=(0, height))
        save_figure(figure, path)


def _draw_header(axes: Axes, layout: Layout, columns: int, height: float, kind: str) -> None:
    """Ranks above their columns, and over all what the frames mean."""
    y = height - 25
    style = {"fontsize": SMALL_SIZE, "ha": "center", "va": "baseline"}
    axes.text(layout.left(0) + layout.cell_width / 2, y, "query", weight="bold", **style)
    for rank in range(1, columns + 1):
        axes.text(layout.left(rank) + layout.cell_width / 2, y, str(rank), color=SOFT_INK, **style)
    x, right = layout.left(1), f"the query's {kind}"
    _draw_frame(axes, x, height - 12, 11, 7.5, right=True)
    axes.text(x + 15, height - 10.5, right, fontsize=SMALL_SIZE)
    x += 15 + text_width(right, SMALL_SIZE) + 14
    _draw_frame(axes, x, height - 12, 11, 7.5, right=False)
    axes.text(x + 17, height - 10.5, f"another {kind}", fontsize=SMALL_SIZE)


def _name_coarse_class(axes: Axes, name: str, top: float, layout: Layout, columns: int) -> None:
    y = top + ROW_GAP / 2
    end = layout.left(columns) + layout.cell_width
    axes.plot([0, end], [y, y], color=RULE, linewidth=0.5)
    for line, text in enumerate(wrapped(name, layout.name_width - 8, SMALL_SIZE, lines=3)):
        axes.text(0, top - 5.5 - line * 7.5, text, fontsize=SMALL_SIZE, va="baseline")


def _draw_image(
    axes: Axes, layout: Layout, column: int, top: float, pixels: np.ndarray, name: str, right: bool | None
) -> None:
    left, bottom = layout.left(column), top - layout.image_height
    extent = (left, left + layout.cell_width, bottom, top)
    axes.imshow(for_print(pixels), extent=extent, interpolation="antialiased", aspect="auto", zorder=2)
    if right is not None:
        _draw_frame(axes, left, bottom, layout.cell_width, layout.image_height, right)
    for line, text in enumerate(wrapped(name, layout.cell_width + layout.gap - 3, CAPTION_SIZE, layout.caption_lines)):
        y = bottom - CAPTION_LINE * (line + 1) + 0.2
        middle = left + layout.cell_width / 2
        axes.text(middle, y, text, fontsize=CAPTION_SIZE, ha="center", color=INK if right is None else SOFT_INK)


def _draw_frame(axes: Axes, left: float, bottom: float, width: float, height: float, right: bool) -> None:
    if right:
        axes.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor=RIGHT, linewidth=1.4, zorder=3))
        return
    frame = Rectangle((left, bottom), width, height, fill=False, edgecolor=WRONG, linewidth=1.0, zorder=3)
    frame.set_linestyle((0, (2.2, 1.6)))
    axes.add_patch(frame)
    x, y = left + width, bottom + height  # the mark sits on the corner, over as little of the image as may be
    axes.plot(x, y, "o", color="white", markersize=6.2, markeredgewidth=0, zorder=4)
    axes.plot(x, y, "x", color=WRONG, markersize=3.6, markeredgewidth=1.1, zorder=5)


def for_print(pixels: np.ndarray) -> np.ndarray:
    """An image at the size that the file keeps: small ones enlarged to crisp squares, large ones reduced.

    Args:
        pixels: uint8 [H, W, 3].

    Returns:
        uint8 [H', W', 3], the longer side near STORED_PIXELS.
    """
    longer = max(pixels.shape[:2])
    if longer <= STORED_PIXELS:
        times = max(1, round(STORED_PIXELS / longer))
        return np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)
    height, width = (max(1, round(side * STORED_PIXELS / longer)) for side in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))

"""Two maps of the same images side by side: the untrained encoder's and the trained encoder's.

    images = images_on_the_map(coarse, fine, limit=1500, generator=generator)
    draw_embedding_map(maps, labels, path)

Fine classes by colour, coarse classes by marker. Where coarse classes separate, each is named at its centre; where
they are strewn all over the map, a name would mislead, and the panel says so instead. More than MOST_NAMED names would
cover the points, and there are not as many markers: then neither map nor legend names any.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes

from maskcon.figures.drawing import (
    POINTS,
    SMALL_SIZE,
    TEXT_WIDTH,
    figure_style,
    frame_lightly,
    new_figure,
    save_figure,
    sheet,
)
from maskcon.figures.lettering import shortened, text_width
from maskcon.figures.palette import CLASS_COLOURS, INK, SOFT_INK, ClassPalette
from maskcon.images.packed.image_set import LabelledSet

ENOUGH_OF_A_CLASS = 5  # fewer points do not show whether a class holds together
GAP = 9.0  # points between the panels, and above the legend
TITLE_HEIGHT = 14.0
LINE_HEIGHT = 11.0  # of the legend
LONGEST_NAME = 110.0  # points, in the legend
LONGEST_LABEL = 60.0  # points, on the map
MOST_NAMED = 30  # coarse classes
GATHERED = 0.75  # a class this much closer to its centre than all images are to theirs


@dataclass(frozen=True)
class MapLabels:
    """The labels of the images on the map, in their order."""

    coarse: np.ndarray  # int64 [N]
    coarse_name: np.ndarray  # str [N]
    fine: np.ndarray | None  # int64 [N]
    fine_name: np.ndarray | None  # str [N]
    palette: ClassPalette


def labels_on_the_map(labelled: LabelledSet, shown: np.ndarray, palette: ClassPalette) -> MapLabels:
    """The labels of the images ``shown``, int64 [n]."""
    has_fine = labelled.fine is not None
    return MapLabels(
        labelled.coarse[shown],
        labelled.coarse_name[shown],
        labelled.fine[shown] if has_fine else None,
        labelled.fine_name[shown] if has_fine else None,
        palette.of(shown),
    )


def images_on_the_map(
    coarse: np.ndarray, fine: np.ndarray | None, limit: int, generator: np.random.Generator
) -> np.ndarray:
    """Which images to lay out: at most ``limit``, drawn at random.

    Where there are so many fine classes that an even draw would leave fewer than five images to each, whole
    fine classes are drawn instead, from every coarse class in turn: a class of one point shows nothing.

    Returns:
        int64 [at most limit], rising.
    """
    candidates = np.arange(len(coarse))
    if fine is not None and len(coarse) > limit and limit / len(np.unique(fine)) < ENOUGH_OF_A_CLASS:
        chosen = _classes_in_turn(coarse, fine, max(1, limit // ENOUGH_OF_A_CLASS), generator)
        candidates = candidates[np.isin(fine, chosen)]
    if len(candidates) > limit:
        candidates = generator.choice(candidates, size=limit, replace=False)
    return np.sort(candidates)


def _classes_in_turn(coarse: np.ndarray, fine: np.ndarray, count: int, generator: np.random.Generator) -> list[int]:
    """``count`` fine classes, one from each coarse class, then a second from each, and so on."""
    queues = [list(generator.permutation(np.unique(fine[coarse == one]))) for one in np.unique(coarse)]
    turns = [queue[turn] for turn in range(max(map(len, queues))) for queue in queues if turn < len(queue)]
    return turns[:count]


def draw_embedding_map(maps: Sequence[np.ndarray], titles: Sequence[str], labels: MapLabels, path: Path) -> None:
    """Write ``path``.png and ``path``.pdf: one panel per map, one legend beneath.

    Args:
        maps: for each panel float [N, 2], the same images in the same order.
        titles: for each panel.
    """
    page_width = TEXT_WIDTH * POINTS
    panel = (page_width - GAP * (len(maps) - 1)) / len(maps)
    legend = _legend_lines(labels, page_width)
    legend_height = LINE_HEIGHT * len(legend)
    page_height = TITLE_HEIGHT + panel + GAP + legend_height
    with figure_style():
        figure = new_figure(TEXT_WIDTH, page_height / POINTS)
        for position, (one, title) in enumerate(zip(maps, titles, strict=True)):
            left, bottom = position * (panel + GAP) + 0.5, legend_height + GAP
            axes = figure.add_axes(
                (left / page_width, bottom / page_height, (panel - 1) / page_width, panel / page_height)
            )
            axes.set_title(title)
            _draw_panel(axes, one, labels, panel)
        _draw_legend(sheet(figure, height=legend_height), legend)
        save_figure(figure, path)


def _draw_panel(axes: Axes, points: np.ndarray, labels: MapLabels, side: float) -> None:
    frame_lightly(axes)
    unit = _into_unit_square(points) * side
    axes.set(xlim=(0, side), ylim=(0, side))
    area = float(np.clip(9000 / len(points), 3.5, 26))
    for marker in np.unique(labels.palette.marker):
        of_marker = labels.palette.marker == marker
        axes.scatter(
            *unit[of_marker].T, s=area, marker=marker, c=labels.palette.colour[of_marker], linewidths=0, alpha=0.9
        )
    if not coarse_classes_separate(unit, labels.coarse):
        axes.set_title("coarse classes do not separate", loc="right", fontsize=SMALL_SIZE, color=SOFT_INK)
    elif len(np.unique(labels.coarse)) <= MOST_NAMED:
        _name_coarse_classes(axes, unit, labels, side)


def coarse_classes_separate(points: np.ndarray, coarse: np.ndarray) -> bool:
    """Whether the typical coarse class keeps to a part of the map: the median of its distances to its centre,
    compared with the same of all images.

    Args:
        points: float [N, 2].
        coarse: int64 [N].
    """
    classes = np.unique(coarse)
    if len(classes) == 1:
        return True
    spread = [_spread(points[coarse == one]) for one in classes]
    return bool(np.median(spread) < GATHERED * _spread(points))


def _spread(points: np.ndarray) -> float:
    """The median distance to the medoid."""
    return float(np.median(np.hypot(*(points - _medoid(points)).T)))


def _into_unit_square(points: np.ndarray) -> np.ndarray:
    """float64 [N, 2] within [0.04, 0.96], the same scale on both axes."""
    points = points.astype(np.float64)
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    extent = max(np.ptp(points, axis=0).max(), 1e-12)
    return 0.5 + 0.92 * (points - middle) / extent


def _name_coarse_classes(axes: Axes, points: np.ndarray, labels: MapLabels, side: float) -> None:
    classes, first = np.unique(labels.coarse, return_index=True)
    names = [shortened(name, LONGEST_LABEL, SMALL_SIZE, bold=True) for name in labels.coarse_name[first]]
    anchors = np.array([_medoid(points[labels.coarse == one]) for one in classes])
    sizes = np.array([(text_width(name, SMALL_SIZE, bold=True) + 4, SMALL_SIZE * 1.4) for name in names])
    centres = spread_boxes(anchors, sizes, side)
    halo = [patheffects.withStroke(linewidth=2.8, foreground="white")]
    for name, anchor, centre in zip(names, anchors, centres, strict=True):
        if np.hypot(*(centre - anchor)) > SMALL_SIZE * 2:
            axes.plot(*np.transpose([anchor, centre]), color=INK, linewidth=0.5, path_effects=halo, zorder=4)
        axes.text(
            *centre, name, fontsize=SMALL_SIZE, weight="bold", ha="center", va="center", path_effects=halo, zorder=5
        )


def _medoid(points: np.ndarray) -> np.ndarray:
    """The point with the least total distance to the others: a centre that is always on the class itself."""
    distances = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    return points[distances.sum(axis=1).argmin()]


def spread_boxes(anchors: np.ndarray, sizes: np.ndarray, side: float, rounds: int = 400) -> np.ndarray:
    """Centres for boxes near their anchors that overlap neither each other nor the edge of the panel.

    Args:
        anchors: float [C, 2], where the boxes would like to be.
        sizes: float [C, 2], width and height.
        side: of the square panel, from 0 to side.

    Returns:
        float [C, 2]. Pairs that overlap are pushed apart along the shorter way until none does.
    """
    half = sizes / 2
    centres = np.clip(anchors, half, np.maximum(side - half, half))
    for _ in range(rounds):
        moved = False
        for i in range(len(centres)):
            for j in range(i):
                apart = centres[i] - centres[j]
                overlap = half[i] + half[j] - np.abs(apart)
                if (overlap > 1e-6).all():
                    axis = int(overlap[1] <= overlap[0])
                    step = (overlap[axis] / 2 + 0.1) * (1 if apart[axis] >= 0 else -1)
                    centres[i, axis] += step
                    centres[j, axis] -= step
                    moved = True
        centres = np.clip(centres, half, np.maximum(side - half, half))
        if not moved:
            break
    return centres


@dataclass(frozen=True)
class _Entry:
    """One item of the legend: a marker (or none) and its text, ``width`` points wide in all."""

    text: str
    marker: str | None
    colour: str
    width: float


def _entry(text: str, marker: str | None, colour: str) -> _Entry:
    text = shortened(text, LONGEST_NAME, SMALL_SIZE)
    return _Entry(text, marker, colour, text_width(text, SMALL_SIZE) + (22 if marker else 8))


def _heading(text: str) -> _Entry:
    text = shortened(text, LONGEST_NAME, SMALL_SIZE, bold=True)
    return _Entry(text, None, INK, text_width(text, SMALL_SIZE, bold=True) + 10)


def _legend_lines(labels: MapLabels, width: float) -> list[list[_Entry]]:
    """The legend set in lines no wider than the page, each beginning with a heading where it is the first."""
    palette = labels.palette
    classes, first = np.unique(labels.coarse, return_index=True)
    too_many = [_entry(f"{len(classes):,}, too many to name: classes share a marker", None, INK)]
    if palette.scheme == "fine":
        paragraphs = []
        for one, at in zip(classes, first, strict=True):
            members = np.flatnonzero(labels.coarse == one)
            each = members[np.unique(labels.fine[members], return_index=True)[1]]
            entries = [_entry(labels.fine_name[i], palette.marker[i], palette.colour[i]) for i in each]
            paragraphs.append([_heading(labels.coarse_name[at]), *entries])
    elif palette.scheme == "coarse":
        entries = [_entry(labels.coarse_name[at], palette.marker[at], palette.colour[at]) for at in first]
        paragraphs = [[_heading("coarse class"), *(entries if len(classes) <= MOST_NAMED else too_many)]]
    else:
        named = [_entry(labels.coarse_name[at], palette.marker[at], SOFT_INK) for at in first]
        coarse = named if len(classes) <= MOST_NAMED else too_many
        count = int(palette.rank.max()) + 1
        colours = [
            _entry(str(number + 1), "o", colour) for number, colour in enumerate(CLASS_COLOURS[: min(count, 10)])
        ]
        if count > len(CLASS_COLOURS):
            colours.append(_entry(f"and again from the first, up to {count:,}", None, SOFT_INK))
        paragraphs = [[_heading("coarse class"), *coarse], [_heading("fine class within it"), *colours]]
    indent = max(paragraph[0].width for paragraph in paragraphs)
    return [line for paragraph in paragraphs for line in _set_lines(paragraph, indent, width)]


def _set_lines(paragraph: list[_Entry], indent: float, width: float) -> list[list[_Entry]]:
    """Break after the entry that still fits; in more than one line the entries stand in columns."""
    heading, *entries = paragraph
    if indent + sum(entry.width for entry in entries) > width:
        column = max(entry.width for entry in entries)
        entries = [replace(entry, width=column) for entry in entries]
    lines = [[_Entry(heading.text, None, INK, indent)]]
    for entry in entries:
        if len(lines[-1]) > 1 and sum(one.width for one in lines[-1]) + entry.width > width:
            lines.append([_Entry("", None, INK, indent)])
        lines[-1].append(entry)
    return lines


def _draw_legend(axes: Axes, lines: list[list[_Entry]]) -> None:
    for number, line in enumerate(reversed(lines)):
        x, y = 0.0, LINE_HEIGHT * (number + 0.45)
        for position, entry in enumerate(line):
            if entry.marker:
                axes.plot(x + 5, y, entry.marker, color=entry.colour, markersize=5, markeredgewidth=0, clip_on=False)
            style = {"weight": "bold"} if position == 0 else {}
            axes.text(
                x + (12 if entry.marker else 0), y, entry.text, fontsize=SMALL_SIZE, va="center_baseline", **style
            )
            x += entry.width

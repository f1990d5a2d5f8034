"""A line for each method over data sets that differ in a number: photos_1000, photos_4000, photos_16000.

if numbers := numbers_of(tables_by_dataset):
    draw_curve(numbers, Path("reports/tables/overview"))
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from maskcon.experiments.tables.comparison import Row, Table
from maskcon.experiments.tables.formats import metric_title, row_title, row_titles
from maskcon.figures.drawing import POINTS, SMALL_SIZE, TEXT_WIDTH, figure_style, new_figure, save_figure
from maskcon.figures.lettering import text_width
from maskcon.figures.palette import CLASS_COLOURS, COARSE_MARKERS, SOFT_INK

HEIGHT = 2.6  # inches
LEFT, BELOW, ABOVE = 0.45, 0.4, 0.25  # inches beside the axes
LINE = 1.3 * SMALL_SIZE  # points from a name to the next
FEWEST = 3  # points of a line
COLOURS = [CLASS_COLOURS[place] for place in (0, 2, 3, 4, 6, 9)]  # in which names can be read; more lines are no curve
ROOM = 0.06  # above and below what is drawn, as a share of it


def numbers_of(tables: Mapping[str, Table]) -> dict[int, Table]:
    """By the number that ends the name of each data set, rising; empty where they are not such a series."""
    found = {name: re.fullmatch(r"(.+)_(\d+)", name) for name in tables}
    series = {match[1] for match in found.values() if match}
    methods = {row.method for table in tables.values() for row in table.rows if row.method}
    if None in found.values() or len(series) != 1 or len(found) < FEWEST or len(methods) > len(COLOURS):
        return {}
    return dict(sorted((int(match[2]), tables[name]) for name, match in found.items() if match))


def draw_curve(tables: Mapping[int, Table], path: Path) -> None:
    """Write ``path``.png and ``path``.pdf: means with their 95% intervals in percent, over a logarithmic axis."""
    titles = [title for title in row_titles(tables.values()) if title != "raw pixels"]
    lines = {title: _points(tables, title) for title in titles}
    width = TEXT_WIDTH - LEFT - max(text_width(title, SMALL_SIZE) for title in titles) / POINTS - 0.2
    height = HEIGHT - BELOW - ABOVE
    first, *_ = tables.values()
    with figure_style():
        figure = new_figure(TEXT_WIDTH, HEIGHT)
        axes = figure.add_axes((LEFT / TEXT_WIDTH, BELOW / HEIGHT, width / TEXT_WIDTH, height / HEIGHT))
        _draw_lines(axes, list(lines.values()))
        axes.set_xscale("log")
        axes.set_xticks(list(tables), [f"{number:,}" for number in tables])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.margins(y=ROOM)
        axes.grid(axis="y")
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}%")
        axes.set_title(metric_title(first.metric))
        axes.set_xlabel(first.dataset.rpartition("_")[0].replace("_", " "))
        _name_lines(axes, titles, POINTS * height)
        save_figure(figure, path)


def _draw_lines(axes: Axes, lines: Sequence[Mapping[int, Row]]) -> None:
    """Methods in colours with markers, what needs no training grey and dashed."""
    looks = iter(zip(COLOURS, COARSE_MARKERS, strict=False))
    for points in lines:
        colour, marker = next(looks) if next(iter(points.values())).method else (SOFT_INK, "")
        axes.plot(
            list(points),
            [100 * row.summary.mean for row in points.values()],
            color=colour,
            marker=marker,
            markersize=4,
            linestyle="-" if marker else (0, (4, 2)),
        )
        for number, row in points.items():
            if row.summary.low is not None:
                axes.vlines(number, 100 * row.summary.low, 100 * row.summary.high, colour, linewidth=0.8)


def _name_lines(axes: Axes, titles: Sequence[str], height: float) -> None:
    """Each at the end of its line, right of the axes, which are ``height`` points high."""
    bottom, top = axes.get_ylim()
    ends = [line.get_ydata()[-1] for line in axes.lines]
    for line, title, y in zip(axes.lines, titles, spread(ends, LINE * (top - bottom) / height), strict=True):
        where = {"xycoords": ("axes fraction", "data"), "va": "center", "annotation_clip": False}
        axes.annotate(title, (1.02, y), **where, color=line.get_color(), size=SMALL_SIZE)


def _points(tables: Mapping[int, Table], title: str) -> dict[int, Row]:
    return {number: row for number, table in tables.items() for row in table.rows if row_title(row) == title}


def spread(places: Sequence[float], gap: float) -> Iterable[float]:
    """The places moved apart, in their order, so that no two are nearer than ``gap``: about their common middle."""
    order = sorted(range(len(places)), key=lambda one: places[one])
    groups: list[list[int]] = []
    for one in order:
        groups.append([one])
        while len(groups) > 1 and _top(groups[-2], places, gap) + gap > _bottom(groups[-1], places, gap):
            last = groups.pop()
            groups[-1] += last
    moved = {one: _bottom(group, places, gap) + place * gap for group in groups for place, one in enumerate(group)}
    return [moved[one] for one in range(len(places))]


def _bottom(group: Sequence[int], places: Sequence[float], gap: float) -> float:
    return sum(places[one] for one in group) / len(group) - gap * (len(group) - 1) / 2


def _top(group: Sequence[int], places: Sequence[float], gap: float) -> float:
    return _bottom(group, places, gap) + gap * (len(group) - 1)

"""Methods as lines in one panel: a metric over K, over epochs, or over w, with bands over seeds.

draw_lines([Line("Grafit", "grafit", x, mean, sd)], Axis("K", logarithmic=True), "Recall@K", path)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from maskcon.experiments.tables.method_styles import method_style
from maskcon.figures.drawing import POINTS, SMALL_SIZE, figure_style, new_figure, save_figure
from maskcon.figures.lettering import shortened
from maskcon.figures.palette import INK, LineStyle
from maskcon.figures.recall_curve import spread_heights

WIDTH, HEIGHT = 4.6, 2.6  # inches
LEFT, PANEL = 0.085, 0.58  # of the panel, as shares of the width
NAMES = 1.075  # where names begin, as a share of the panel
ROOM_FOR_NAMES = (1 - LEFT - PANEL * NAMES) * WIDTH * POINTS - 2
LABEL_DISTANCE = 0.068  # between the names of two lines, as a share of the axis
ROOM = 0.08  # above the highest and below the lowest value, as a share of what lies between


@dataclass(frozen=True)
class Line:
    """One method."""

    name: str
    loss: str  # whose style it has
    x: np.ndarray  # float64 [P]
    mean: np.ndarray  # float64 [P], over seeds
    sd: np.ndarray  # float64 [P], zero with one seed
    place: int = 0  # among several lines of one method, which differ in dashes and marker


@dataclass(frozen=True)
class Axis:
    """What stands under the panel."""

    label: str
    logarithmic: bool = False
    every: bool = False  # each value of x has its tick


def draw_lines(lines: Sequence[Line], axis: Axis, title: str, path: Path) -> None:
    """Write ``path``.png and ``path``.pdf."""
    with figure_style():
        figure = new_figure(WIDTH, HEIGHT)
        axes = figure.add_axes((LEFT, 0.145, PANEL, 0.765))
        low, high = _limits(lines)
        axes.set_ylim(low, high)
        for line in lines:
            _draw(axes, line)
        _name_lines(axes, lines)
        _set_axis(axes, lines, axis)
        axes.set_title(title)
        axes.set_xlabel(axis.label)
        save_figure(figure, path)


def style_of(line: Line) -> LineStyle:
    """The method's own style; further lines of the same method have other dashes and markers."""
    style = method_style(line.loss)
    if line.place == 0:
        return style
    dashes = ((0, (5, 1.6)), (0, (1.4, 1.2)), (0, (6, 1.4, 1.4, 1.4)))[(line.place - 1) % 3]
    return LineStyle(style.colour, dashes, ("s", "^", "D", "v", "P", "X")[(line.place - 1) % 6])


def _limits(lines: Sequence[Line]) -> tuple[float, float]:
    """Of a share, so never below 0 or above 1."""
    low = min(float((line.mean - line.sd).min()) for line in lines)
    high = max(float((line.mean + line.sd).max()) for line in lines)
    room = ROOM * (high - low) or 0.05
    return max(0.0, low - room), min(1.0, high + room)


def _draw(axes: Axes, line: Line) -> None:
    style = style_of(line)
    if line.sd.any():
        axes.fill_between(line.x, line.mean - line.sd, line.mean + line.sd, color=style.colour, alpha=0.13, linewidth=0)
    axes.plot(
        line.x,
        line.mean,
        color=style.colour,
        linestyle=style.dashes,
        marker=style.marker,
        markersize=3.6,
        markerfacecolor="white",
        markeredgewidth=0.9,
        clip_on=False,
        zorder=3,
    )


def _name_lines(axes: Axes, lines: Sequence[Line]) -> None:
    """Each line's name beside its end, moved apart where lines end close together, with a thread to it."""
    low, high = axes.get_ylim()
    last = max(float(line.x.max()) for line in lines)
    ends = np.array([(line.mean[-1] - low) / (high - low) for line in lines])
    for line, end, height in zip(lines, ends, spread_heights(ends, LABEL_DISTANCE), strict=True):
        style = style_of(line)
        start = 1.0 if float(line.x[-1]) == last else None
        axes.annotate(
            shortened(line.name, ROOM_FOR_NAMES, SMALL_SIZE),
            (1.0, end) if start else (float(line.x[-1]), line.mean[-1]),
            xycoords="axes fraction" if start else "data",
            xytext=(NAMES, height),
            textcoords="axes fraction",
            color=INK,
            fontsize=SMALL_SIZE,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": style.colour,
                "linewidth": 0.5,
                "linestyle": style.dashes,
                "shrinkA": 1.0,
                "shrinkB": 3.0,
                "relpos": (0.0, 0.5),
            },
        )


def _set_axis(axes: Axes, lines: Sequence[Line], axis: Axis) -> None:
    ticks = sorted({float(x) for line in lines for x in line.x})
    if axis.logarithmic:
        axes.set_xscale("log")
    if axis.logarithmic or axis.every:
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    if len(ticks) > 1:
        axes.set_xlim(ticks[0], ticks[-1])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_formatter(lambda y, _: f"{100 * y:g}%")

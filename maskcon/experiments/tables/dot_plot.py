"""A dot for each row, with its interval, in one panel for each metric.

draw_dots([Panel("Recall@1", [Dot("Grafit", 0.43, 0.42, 0.44)])], path)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from maskcon.figures.drawing import POINTS, SMALL_SIZE, TEXT_WIDTH, figure_style, new_figure, save_figure
from maskcon.figures.lettering import text_width
from maskcon.figures.palette import RIGHT, SOFT_INK

ROW, ABOVE, BELOW = 0.16, 0.3, 0.25  # inches: of a row, for the title, for the numbers
GAP = 0.2  # inches, between names and panels
ROOM = 0.06  # left and right of what is drawn, as a share of it


@dataclass(frozen=True)
class Dot:
    """One row of a panel; names are the same in all panels."""

    name: str
    mean: float | None  # None: nothing to draw
    low: float | None = None
    high: float | None = None
    strong: bool = True  # else grey


@dataclass(frozen=True)
class Panel:
    title: str
    dots: Sequence[Dot]


def draw_dots(panels: Sequence[Panel], path: Path) -> None:
    """Write ``path``.png and ``path``.pdf: rows from top to bottom, shares in percent."""
    names = [dot.name for dot in panels[0].dots]
    room_for_names = max(text_width(name, SMALL_SIZE) for name in names) / POINTS + 0.15
    height = ABOVE + BELOW + ROW * len(names)
    width = (TEXT_WIDTH - room_for_names - GAP * len(panels)) / max(len(panels), 2)
    whole = room_for_names + (width + GAP) * len(panels)
    with figure_style():
        figure = new_figure(whole, height)
        for place, panel in enumerate(panels):
            left = (room_for_names + place * (width + GAP)) / whole
            axes = figure.add_axes((left, BELOW / height, width / whole, ROW * len(names) / height))
            _draw(axes, panel)
            axes.set_yticks(range(len(names)), names if place == 0 else [""] * len(names))
        save_figure(figure, path)


def _draw(axes: Axes, panel: Panel) -> None:
    for place, dot in enumerate(panel.dots):
        colour = RIGHT if dot.strong else SOFT_INK
        if dot.low is not None:
            axes.plot([100 * dot.low, 100 * dot.high], [place, place], color=colour, linewidth=1.0)
        if dot.mean is not None:
            axes.plot([100 * dot.mean], [place], "o", color=colour, markersize=3.6)
    axes.set_ylim(len(panel.dots) - 0.5, -0.5)
    axes.margins(x=ROOM)
    axes.grid(axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}%")
    axes.tick_params(axis="y", length=0)
    axes.set_title(panel.title)

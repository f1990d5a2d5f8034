"""Dots by method: each with its interval, in one panel for each metric; or one for each value that was tried.

draw_methods(tables, Path("reports/tables/good_methods"))
draw_values(table.tried, table.metric, Path("reports/tables/good_values"))
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from maskcon.experiments.tables.comparison import Table, Tried
from maskcon.experiments.tables.formats import metric_title, row_title, row_titles
from maskcon.figures.drawing import (
    POINTS,
    SMALL_SIZE,
    TEXT_WIDTH,
    TITLE_SIZE,
    figure_style,
    new_figure,
    save_figure,
)
from maskcon.figures.lettering import text_width, wrapped
from maskcon.figures.palette import RIGHT, SOFT_INK

ROW, ABOVE, BELOW = 0.16, 0.16, 0.25  # inches: of a row, for a line of the title and below it, for the numbers
GAP = 0.3  # inches, between names and panels: half a number of either side stands in it
LINES = 4  # of a title at most
ROOM = 0.06  # left and right of what is drawn, as a share of it


def draw_methods(tables: Sequence[Table], path: Path) -> None:
    """Write ``path``.png and ``path``.pdf: rows from top to bottom, means with their 95% intervals in percent."""
    names = row_titles(tables)
    room_for_names = max(text_width(name, SMALL_SIZE) for name in names) / POINTS + 0.15
    titles = [metric_title(table.metric) for table in tables]
    widest_word = max(text_width(word, TITLE_SIZE) for title in titles for word in title.split()) / POINTS
    width = max(widest_word, (TEXT_WIDTH - room_for_names - GAP * len(tables)) / max(len(tables), 2))
    whole = room_for_names + (width + GAP) * len(tables)
    lines = [wrapped(title, POINTS * width, TITLE_SIZE, LINES) for title in titles]
    height = ABOVE * (1 + max(map(len, lines))) + BELOW + ROW * len(names)
    with figure_style():
        figure = new_figure(whole, height)
        for place, table in enumerate(tables):
            left = (room_for_names + place * (width + GAP)) / whole
            axes = figure.add_axes((left, BELOW / height, width / whole, ROW * len(names) / height))
            _draw(axes, table, names)
            axes.set_title("\n".join(lines[place]))
            axes.xaxis.set_major_locator(MaxNLocator(max(1, min(3, int(3 * width))), steps=[1, 2, 5, 10]))
            axes.set_yticks(range(len(names)), names if place == 0 else [""] * len(names))
        save_figure(figure, path)


def draw_values(tried: Sequence[Tried], metric: str, path: Path) -> None:
    """Write ``path``.png and ``path``.pdf: a row for each method, a dot for each of its values, the chosen one full.

    Args:
        tried: with all their scores.
    """
    names = [of.title for of in tried]
    room_for_names = max(text_width(name, SMALL_SIZE) for name in names) / POINTS + 0.15
    width = TEXT_WIDTH - room_for_names - GAP
    height = ABOVE * 2 + BELOW + ROW * len(names)
    with figure_style():
        figure = new_figure(TEXT_WIDTH, height)
        axes = figure.add_axes(
            (room_for_names / TEXT_WIDTH, BELOW / height, width / TEXT_WIDTH, ROW * len(names) / height)
        )
        for place, of in enumerate(tried):
            for values, score in zip(of.values, of.scores, strict=True):
                inside, above = (RIGHT, 3) if values == of.chosen else ("white", 2)
                axes.plot([100 * score], [place], "o", color=RIGHT, mfc=inside, markersize=4.2, zorder=above)
        axes.set_title(f"{metric_title(metric)} on validation of each value tried; filled: chosen")
        axes.set_yticks(range(len(names)), names)
        _lay_out(axes, len(names))
        save_figure(figure, path)


def _draw(axes: Axes, table: Table, names: list[str]) -> None:
    lowest = _lowest_shown(table)
    for row in table.rows:
        place, mean = names.index(row_title(row)), 100 * row.summary.mean
        colour = RIGHT if row.method else SOFT_INK  # grey what needs no training
        if mean < lowest:
            where = {"transform": axes.get_yaxis_transform(), "va": "center"}
            axes.text(0.03, place, f"← {mean:.1f}%", **where, color=colour, size=SMALL_SIZE)
            continue
        if row.summary.low is not None:
            axes.plot([100 * row.summary.low, 100 * row.summary.high], [place, place], color=colour, linewidth=1.0)
        axes.plot([mean], [place], "o", color=colour, markersize=3.6)
    _lay_out(axes, len(names))


def _lay_out(axes: Axes, rows: int) -> None:
    axes.set_ylim(rows - 0.5, -0.5)
    axes.margins(x=ROOM)
    axes.grid(axis="x")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}%")
    axes.tick_params(axis="y", length=0)


def _lowest_shown(table: Table) -> float:
    """In percent; a baseline further below is a number beside an arrow, so that the methods stand apart."""
    of_methods = [(row.summary.low, row.summary.mean, row.summary.high) for row in table.rows if row.method]
    ends = [100 * end for three in of_methods for end in three if end is not None]
    return min(ends) - 2 * max(max(ends) - min(ends), 1)

"""Recall@K over K: the trained encoder, the untrained one and raw pixels, each with its 95% band.

draw_recall_at_k(pandas.read_csv("plots/recall_at_k.csv"), Path("reports/figures/recall_at_k"))
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import offset_copy

from maskcon.figures.drawing import COLUMN_WIDTH, SMALL_SIZE, figure_style, new_figure, save_figure
from maskcon.figures.palette import FEATURE_STYLES, SOFT_INK, LineStyle

HEIGHT = 1.95  # inches
LABEL_DISTANCE = 0.075  # between the names of two lines, as a share of the axis


def draw_recall_at_k(recall: pd.DataFrame, path: Path) -> None:
    """Write ``path``.png and ``path``.pdf.

    Args:
        recall: rows of features (trained, untrained, raw pixels), k, recall, low, high. Without rows (there are
            no fine labels) the figure is a sentence that says so.
    """
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, HEIGHT)
        axes = figure.add_axes((0.1, 0.17, 0.69, 0.73))
        if len(recall):
            _draw(axes, recall)
        else:
            axes.axis("off")
            axes.text(0, 0.5, "Recall@K needs fine labels, and these images have none.", color=SOFT_INK)
        save_figure(figure, path)


def _draw(axes: Axes, recall: pd.DataFrame) -> None:
    ends = {}
    for features, style in FEATURE_STYLES.items():
        rows = recall[recall["features"] == features].sort_values("k")
        if len(rows):
            axes.fill_between(rows["k"], rows["low"], rows["high"], color=style.colour, alpha=0.16, linewidth=0)
            axes.plot(
                rows["k"],
                rows["recall"],
                color=style.colour,
                linestyle=style.dashes,
                marker=style.marker,
                clip_on=False,
                zorder=3,
            )
            ends[features] = float(rows["recall"].iloc[-1])
    _name_lines(axes, ends)
    axes.set_xscale("log")
    ticks = sorted(recall["k"].unique())
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda k, _: f"{k:g}")
    axes.set(ylim=(0, 1), xlabel="K")
    if len(ticks) > 1:
        axes.set_xlim(ticks[0], ticks[-1])
    axes.set_title("Recall@K")


def _name_lines(axes: Axes, ends: dict[str, float]) -> None:
    """Each line's name at its right end, moved apart where lines end close together.

    Its marker stands before it: in grey, colours would not say which line is meant.
    """
    beside = offset_copy(axes.transAxes, axes.figure, x=9, units="points")
    heights = spread_heights(np.array(list(ends.values())), LABEL_DISTANCE)
    for features, height in zip(ends, heights, strict=True):
        style: LineStyle = FEATURE_STYLES[features]
        axes.plot(1, height, style.marker, color=style.colour, transform=beside, clip_on=False)
        axes.annotate(
            features,
            (1, height),
            xycoords="axes fraction",
            xytext=(14, 0),
            textcoords="offset points",
            color=style.colour,
            fontsize=SMALL_SIZE,
            va="center",
        )


def spread_heights(wanted: np.ndarray, distance: float) -> np.ndarray:
    """Heights in [0, 1] in the order of ``wanted``, at least ``distance`` apart, as near to it as that allows.

    From the top down each gives way to the one above it; what falls below zero is pushed up again.
    """
    order = np.argsort(-wanted, kind="stable")
    heights = wanted[order].astype(np.float64)
    for i in range(1, len(heights)):
        heights[i] = min(heights[i], heights[i - 1] - distance)
    for i in reversed(range(len(heights))):
        floor = 0 if i == len(heights) - 1 else heights[i + 1] + distance
        heights[i] = max(heights[i], floor)
    spread = np.empty_like(heights)
    spread[order] = heights
    return spread

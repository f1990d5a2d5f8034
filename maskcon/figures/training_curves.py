"""Training as it went: loss, learning rate and Recall@1 over the epochs, in small panels of one width.

draw_training_curves(pretrain, recall, Path("reports/figures/training_curves"))
"""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from maskcon.figures.drawing import TEXT_WIDTH, draw_shares, figure_style, new_figure, save_figure
from maskcon.figures.palette import FEATURE_STYLES, LABEL_STYLES, LineStyle

HEIGHT = 1.75  # inches
FEW = 15  # points up to which each has its marker


def draw_training_curves(pretrain: pd.DataFrame, recall: pd.DataFrame, path: Path) -> None:
    """Write ``path``.png and ``path``.pdf.

    Args:
        pretrain: one row per epoch: epoch, loss, learning_rate.
        recall: one row per evaluated epoch: epoch, recall_at_1 (absent or empty without fine labels),
            coarse_recall_at_1.
    """
    with figure_style():
        figure = new_figure(TEXT_WIDTH, HEIGHT)
        loss, rate, retrieval = figure.subplots(1, 3)
        figure.subplots_adjust(left=0.055, right=0.965, bottom=0.21, top=0.865, wspace=0.3)
        plain = FEATURE_STYLES["trained"]
        draw_line(loss, pretrain["epoch"], pretrain["loss"], plain)
        draw_line(rate, pretrain["epoch"], pretrain["learning_rate"], plain)
        rate.set_ylim(bottom=0)
        _draw_recall(retrieval, recall)
        for axes, title in ((loss, "loss"), (rate, "learning rate"), (retrieval, "Recall@1")):
            axes.set_title(title)
            if len(pretrain) == 1 and axes is not retrieval:
                axes.set_xlim(0, 2)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
            axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        save_figure(figure, path)


def draw_line(axes: Axes, x: pd.Series, y: pd.Series, style: LineStyle, label: str | None = None) -> None:
    """One series; the points are marked where they are few, and always where there is but one."""
    marker = style.marker if len(x) <= FEW else ""
    axes.plot(x, y, color=style.colour, linestyle=style.dashes, marker=marker, label=label, clip_on=False, zorder=3)


def _draw_recall(axes: Axes, recall: pd.DataFrame) -> None:
    for kind, column in (("fine", "recall_at_1"), ("coarse", "coarse_recall_at_1")):
        known = recall.dropna(subset=[column]) if column in recall else recall.iloc[:0]
        if len(known):
            draw_line(axes, known["epoch"], known[column], LABEL_STYLES[kind], kind)
    draw_shares(axes)

"""Recall@K over K: the trained encoder, the one before training and raw pixels, each with its 95% band.

draw_recall_at_k(pandas.read_csv("plots/recall_at_k.csv"), "untrained", Path("reports/figures/recall_at_k"))
"""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from maskcon.figures.drawing import COLUMN_WIDTH, draw_shares, figure_style, new_figure, save_figure
from maskcon.figures.palette import FEATURE_STYLES, SOFT_INK

HEIGHT = 1.95  # inches


def draw_recall_at_k(recall: pd.DataFrame, before_training: str, path: Path) -> None:
    """Write ``path``.png and ``path``.pdf.

    Args:
        recall: rows of features (trained, untrained, raw pixels), k, recall, low, high. Without rows (there are
            no fine labels) the figure is a sentence that says so.
        before_training: what untrained is called in the legend.
    """
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, HEIGHT)
        axes = figure.add_axes((0.1, 0.17, 0.86, 0.73))
        if len(recall):
            _draw(axes, recall, before_training)
        else:
            axes.axis("off")
            axes.text(0, 0.5, "Recall@K needs fine labels, and these images have none.", color=SOFT_INK)
        save_figure(figure, path)


def _draw(axes: Axes, recall: pd.DataFrame, before_training: str) -> None:
    for features, style in FEATURE_STYLES.items():
        rows = recall[recall["features"] == features].sort_values("k")
        axes.fill_between(rows["k"], rows["low"], rows["high"], color=style.colour, alpha=0.16, linewidth=0)
        axes.plot(
            rows["k"],
            rows["recall"],
            color=style.colour,
            linestyle=style.dashes,
            marker=style.marker,
            label=before_training if features == "untrained" else features,
            clip_on=False,
            zorder=3,
        )
    axes.set_xscale("log")
    ticks = sorted(recall["k"].unique())
    axes.set_xticks(ticks, [f"{k:g}" for k in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("K")
    if len(ticks) > 1:
        axes.set_xlim(ticks[0], ticks[-1])
    axes.set_title("Recall@K")
    draw_shares(axes)

"""Curves over epochs and over K."""

import numpy as np
import pandas as pd
import pytest

from maskcon.figures.drawing import COLUMN_WIDTH, draw_shares, figure_style, new_figure
from maskcon.figures.recall_curve import draw_recall_at_k
from maskcon.figures.training_curves import draw_training_curves


def pretrain(epochs: int) -> pd.DataFrame:
    epoch = np.arange(1, epochs + 1)
    return pd.DataFrame({"epoch": epoch, "loss": 5 / epoch, "learning_rate": 0.1 / epoch})


def recall_over_epochs(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"epoch": [0, 5], **columns})


@pytest.mark.parametrize(
    ("epochs", "recall"),
    [
        (200, recall_over_epochs(recall_at_1=[0.1, 0.9], coarse_recall_at_1=[0.5, 1.0])),
        (1, recall_over_epochs(coarse_recall_at_1=[0.5, 1.0])),
        (1, recall_over_epochs(recall_at_1=[np.nan, np.nan], coarse_recall_at_1=[0.5, 1.0])),
    ],
    ids=["fine", "coarse alone", "fine empty"],
)
def test_training_curves_are_the_same_twice(tmp_path, epochs, recall):
    for name in ("first", "second"):
        draw_training_curves(pretrain(epochs), recall, tmp_path / name)
    for kind in ("png", "pdf"):
        assert (tmp_path / f"first.{kind}").read_bytes() == (tmp_path / f"second.{kind}").read_bytes()


@pytest.mark.parametrize("ks", [[], [1], [1, 2, 5, 10, 50, 100]])
def test_recall_over_k(tmp_path, ks):
    rows = [
        {"features": features, "k": k, "recall": 0.9, "low": 0.8, "high": 1.0}
        for features in ("trained", "untrained", "raw pixels")
        for k in ks
    ]
    table = pd.DataFrame(rows, columns=["features", "k", "recall", "low", "high"])
    for name in ("first", "second"):
        draw_recall_at_k(table, "as loaded", tmp_path / name)
    assert (tmp_path / "first.pdf").read_bytes() == (tmp_path / "second.pdf").read_bytes()


def test_the_legend_covers_no_curve():
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, 2)
        axes = figure.add_axes((0.1, 0.2, 0.8, 0.6))
        for share in (0.0, 0.5, 1.0):
            axes.plot([1, 2], [share, share], label=f"as loaded {share}")
        draw_shares(axes)
        figure.draw_without_rendering()
    legend = axes.get_legend().get_window_extent()
    assert legend.y0 > axes.bbox.y1
    assert legend.x0 > 0
    assert legend.x1 < figure.bbox.x1

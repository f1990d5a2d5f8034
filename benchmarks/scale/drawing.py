"""Time and memory over the number of images, both axes logarithmic, as one picture."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from benchmarks.scale.growth import done
from benchmarks.scale.table import with_own
from maskcon.figures.drawing import PIXELS_PER_INCH, SMALL_SIZE, TEXT_WIDTH, figure_style, new_figure
from maskcon.figures.palette import CLASS_COLOURS, INK, SOFT_INK
from maskcon.figures.recall_curve import spread_heights
from maskcon.runtime.atomic_files import write_atomically

HEIGHT = 5.0  # inches
LABEL_DISTANCE = 0.062  # between the names of two lines, as a share of the axis
DASHES = ("-", (0, (4, 1.6)), (0, (1.4, 1.2)), (0, (6, 1.4, 1.4, 1.4)), (0, (2.5, 1)))
COLOURS = tuple(CLASS_COLOURS[place] for place in (8, 0, 4, 7, 9))
MARKERS = ("o", "s", "^", "D", "v")
BYTES = {"images": 3 * 32 * 32, "retrieval": 4 * 128}  # of an image, of a feature


@dataclass(frozen=True)
class Line:
    name: str
    work: str
    quantity: str


@dataclass(frozen=True)
class Panel:
    title: str
    part: str
    lines: tuple[Line, ...]
    size: str = ""  # name of the line of what the data themselves take, in panels of memory


PANELS = (
    Panel(
        "Images: seconds of the processor",
        "images",
        (
            Line("packing", "packing", "processor_seconds"),
            Line("hashing", "epoch, streamed", "digest_processor_seconds"),
            Line("opening", "epoch, streamed", "open_processor_seconds"),
            Line("holding in memory", "epoch, held", "hold_processor_seconds"),
            Line("first batch, streamed", "epoch, streamed", "first_batch_processor_seconds"),
        ),
    ),
    Panel(
        "Images: MiB of the process's own, beyond libraries",
        "images",
        (
            Line("packing", "packing", "own"),
            Line("epoch, held", "epoch, held", "own"),
            Line("epoch, streamed", "epoch, streamed", "own"),
        ),
        "the images",
    ),
    Panel(
        "Features: seconds of the processor a query",
        "retrieval",
        (
            Line("exact", "exact", "query_processor_seconds"),
            Line("IVF-PQ", "ivfpq", "query_processor_seconds"),
            Line("HNSW", "hnsw", "query_processor_seconds"),
        ),
    ),
    Panel(
        "Features: MiB of the process's own, beyond libraries",
        "retrieval",
        (
            Line("exact", "exact", "own"),
            Line("IVF-PQ, built", "ivfpq", "own"),
            Line("HNSW, built", "hnsw", "own"),
        ),
        "the features",
    ),
)


def draw(images: pd.DataFrame, retrieval: pd.DataFrame, path: Path) -> None:
    """Write the PNG; of a part without rows the panels stay empty."""
    rows = {"images": with_own(images), "retrieval": with_own(retrieval)}
    with figure_style():
        figure = new_figure(TEXT_WIDTH, HEIGHT)
        for place, panel in enumerate(PANELS):
            left, bottom = 0.06 + 0.5 * (place % 2), 0.575 - 0.5 * (place // 2)
            _draw_panel(figure.add_axes((left, bottom, 0.3, 0.37)), panel, rows[panel.part])
        write_atomically(
            path, lambda file: figure.savefig(file, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
        )


def _draw_panel(axes: Axes, panel: Panel, rows: pd.DataFrame) -> None:
    axes.set(xscale="log", yscale="log", title=panel.title, xlabel="images")
    axes.grid(axis="both")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,g}" if value < 1e6 else f"{value / 1e6:,g} M")
        axis.set_minor_formatter(NullFormatter())
    ends = []
    for number, line in enumerate(panel.lines):
        of_work = done(rows, line.work)
        if of_work.empty:
            continue
        x, y = of_work["images"].to_numpy(float), of_work[line.quantity].to_numpy(float)
        colour = COLOURS[number]
        axes.plot(x, y, color=colour, linestyle=DASHES[number], marker=MARKERS[number], markerfacecolor="white")
        ends.append((line.name, x[-1], y[-1], colour))
    if panel.size and len(rows):
        x = np.array([rows["images"].min(), rows["images"].max()], float)
        y = x * BYTES[panel.part] / 2**20
        axes.plot(x, y, color=SOFT_INK, linewidth=0.7)
        ends.append((panel.size, x[-1], y[-1], SOFT_INK))
    _name_lines(axes, ends)


def _name_lines(axes: Axes, ends: list[tuple[str, float, float, str]]) -> None:
    """Each line's name beside the panel, at the height of its end, with a thread to it."""
    if not ends:
        return
    low, high = np.log(axes.get_ylim())
    wanted = np.array([(np.log(y) - low) / (high - low) for _, _, y, _ in ends])
    for (name, x, y, colour), height in zip(ends, spread_heights(wanted, LABEL_DISTANCE), strict=True):
        axes.annotate(
            name,
            (x, y),
            xytext=(1.07, height),
            textcoords="axes fraction",
            color=INK,
            fontsize=SMALL_SIZE,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 3},
        )

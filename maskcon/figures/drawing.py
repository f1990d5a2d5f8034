"""The sheet that every figure is drawn on, and how it is kept: PNG for the screen, vector PDF for print.

    with figure_style():
        figure = new_figure(width=TEXT_WIDTH, height=2.0)
        ...
        save_figure(figure, Path("reports/figures/training_curves"))

The same figure gives the same bytes: no dates, no versions, no random names inside the files.
"""

from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from maskcon.figures.lettering import font_families
from maskcon.figures.palette import INK, RULE, SOFT_INK
from maskcon.runtime.atomic_files import write_atomically

TEXT_WIDTH = 6.9  # inches: both columns of the report
COLUMN_WIDTH = 3.3  # inches: one column
POINTS = 72  # to the inch
PIXELS_PER_INCH = 200  # of the PNG

TEXT_SIZE = 7.0  # points
SMALL_SIZE = 6.0
TITLE_SIZE = 8.0

STYLE = {
    "font.size": TEXT_SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "text.antialiased": True,
    "axes.titlesize": TITLE_SIZE,
    "axes.titlelocation": "left",
    "axes.titlepad": 5.0,
    "axes.labelsize": TEXT_SIZE,
    "axes.labelcolor": SOFT_INK,
    "axes.edgecolor": SOFT_INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "xtick.labelsize": SMALL_SIZE,
    "ytick.labelsize": SMALL_SIZE,
    "xtick.color": SOFT_INK,
    "ytick.color": SOFT_INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.2,
    "figure.facecolor": "white",
    "pdf.fonttype": 42,  # whole outlines, embedded: text can be searched and prints everywhere
    "pdf.compression": 9,
}


def figure_style() -> AbstractContextManager:
    """The look of all figures, whatever the user's own matplotlib settings say."""
    return mpl.rc_context({**mpl.rcParamsDefault, "backend": "agg", "font.family": font_families(), **STYLE})


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; width and height in inches."""
    return Figure(figsize=(width, height))


def sheet(figure: Figure, height: float | None = None) -> Axes:
    """Axes without frame whose unit is the point (1/72 inch), y upwards: from the foot of the figure to ``height``, by
    default all of it."""
    page_width, page_height = (side * POINTS for side in figure.get_size_inches())
    height = page_height if height is None else height
    axes = figure.add_axes((0, 0, 1, height / page_height))
    axes.set(xlim=(0, page_width), ylim=(0, height))
    axes.axis("off")
    return axes


def save_figure(figure: Figure, path: Path) -> None:
    """Write ``path``.png and ``path``.pdf."""
    save_png(figure, path.with_name(path.name + ".png"))
    undated = {"Creator": None, "Producer": None, "CreationDate": None}
    write_atomically(
        path.with_name(path.name + ".pdf"), lambda file: figure.savefig(file, format="pdf", metadata=undated)
    )


def save_png(figure: Figure, path: Path) -> None:
    write_atomically(
        path, lambda file: figure.savefig(file, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
    )


def draw_shares(axes: Axes) -> None:
    """For curves of shares: an axis in percent, and the legend beside the title, where it covers no curve."""
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    place = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderpad": 0, "borderaxespad": 0.9}
    axes.legend(**place, ncols=3, frameon=False, fontsize=SMALL_SIZE, handlelength=2.4, columnspacing=1.2)


def frame_lightly(axes: Axes) -> None:
    """A thin frame and no ticks, for panels whose axes have no unit."""
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=RULE, linewidth=0.6)

"""Colours, markers and line styles: the same class and the same encoder look the same in every figure.

    palette = class_palette(coarse, fine)
    palette.colour[image], palette.marker[image]

The ten class colours were found by searching for the set whose nearest two stay farthest apart for normal,
protanope, deuteranope and tritanope eyes at once (Machado et al. 2009, distances in Oklab) while differing in
lightness, so that a grey print keeps them apart too. Nothing relies on colour alone: classes have markers and
names as well, lines have markers, frames have marks. Lines of fine classes are solid, of coarse ones dashed.
"""

from dataclasses import dataclass

import numpy as np

CLASS_COLOURS = (
    "#b02619",
    "#5cefba",
    "#2d087d",
    "#5879fd",
    "#8b5e9a",
    "#b0a9f6",
    "#e57268",
    "#efbc24",
    "#141bda",
    "#6f0837",
)
COARSE_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">", "h", "*", "d", "8")

INK = "#1a1a1a"
SOFT_INK = "#5c5c5c"
RULE = "#c8c8c8"
PAPER_SHADE = "#efefef"
RIGHT = "#0b5394"
WRONG = "#d0451b"


@dataclass(frozen=True)
class LineStyle:
    """How one series is drawn wherever it appears."""

    colour: str
    dashes: tuple[float, tuple[float, ...]] | str
    marker: str


FEATURE_STYLES = {
    "trained": LineStyle("#0b5394", "-", "o"),
    "untrained": LineStyle("#d0451b", "-", "s"),
    "raw pixels": LineStyle("#5c5c5c", "-", "^"),
}
LABEL_STYLES = {
    "fine": LineStyle("#0b5394", "-", "o"),
    "coarse": LineStyle("#7a4a8c", (0, (4, 1.6)), "s"),
}


@dataclass(frozen=True)
class ClassPalette:
    """What each image of a split is drawn with.

    ``scheme`` says what a colour stands for: "fine" (each fine class has its own), "within" (the k-th fine class
    of every coarse class shares a colour; after the tenth they begin again) or "coarse" (there are no fine labels).
    """

    scheme: str
    colour: np.ndarray  # str [N]
    marker: np.ndarray  # str [N], by coarse class
    rank: np.ndarray  # int64 [N], the number of the image's colour

    def of(self, images: np.ndarray) -> "ClassPalette":
        """The same for some of the images, in the order of these positions."""
        return ClassPalette(self.scheme, self.colour[images], self.marker[images], self.rank[images])


def class_palette(coarse: np.ndarray, fine: np.ndarray | None) -> ClassPalette:
    """Colours by fine class, markers by coarse class.

    Give it the labels of the whole split, so that a class keeps its colour whichever images are drawn.

    Args:
        coarse: int64 [N].
        fine: int64 [N], or None without fine labels.
    """
    coarse_rank = np.unique(coarse, return_inverse=True)[1]
    if fine is None:
        scheme, rank = "coarse", coarse_rank
    elif len(np.unique(fine)) <= len(CLASS_COLOURS):
        scheme, rank = "fine", np.unique(fine, return_inverse=True)[1]
    else:
        scheme, rank = "within", _rank_within_coarse(coarse_rank, fine)
    return ClassPalette(
        scheme=scheme,
        colour=np.array(CLASS_COLOURS)[rank % len(CLASS_COLOURS)],
        marker=np.array(COARSE_MARKERS)[coarse_rank % len(COARSE_MARKERS)],
        rank=rank,
    )


def _rank_within_coarse(coarse_rank: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """int64 [N]: the position of each image's fine class among those of its coarse class."""
    rank = np.empty(len(fine), dtype=np.int64)
    for coarse_class in range(coarse_rank.max() + 1):
        members = coarse_rank == coarse_class
        rank[members] = np.unique(fine[members], return_inverse=True)[1]
    return rank

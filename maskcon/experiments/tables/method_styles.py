"""How each method is drawn, the same in every figure: colour, dashes and marker, so that grey prints and colour-blind
eyes keep them apart; lines carry their names as well.
"""

from maskcon.figures.palette import CLASS_COLOURS, INK, SOFT_INK, LineStyle

DASHES = ("-", (0, (5, 1.6)), (0, (1.4, 1.2)), (0, (6, 1.4, 1.4, 1.4)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">", "h", "*")
# Dark colours in the order in which they differ most; light ones of the palette would be lost as lines on white.
LINE_COLOURS = (*(CLASS_COLOURS[place] for place in (3, 0, 7, 2, 4, 6, 9, 8)), SOFT_INK, "#2f8f6b", INK, "#7a5c1e")
IN_ORDER = (
    "maskcon",
    "grafit",
    "coins",
    "supcon",
    "selfcon",
    "bucsfr",
    "ancor",
    "potential",
    "ascl",
    "sane",
    "wcl",
    "adaptive_maskcon",
)


def method_style(loss: str) -> LineStyle:
    """The style of a method by its loss.name; of one that is not known, the last."""
    place = IN_ORDER.index(loss) if loss in IN_ORDER else len(IN_ORDER) - 1
    return LineStyle(LINE_COLOURS[place], DASHES[place % len(DASHES)], MARKERS[place])

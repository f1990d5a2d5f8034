"""Text that fits: widths measured with the figures' own font, long names shortened with an ellipsis.

    shortened("Chevrolet Silverado 1500 Regular Cab 2012", width=60, size=6)   # 'Chevrolet…b 2012'

The ellipsis stands within the name, for names of one family often differ in their last letters alone.
Sizes and widths are in points (1/72 inch). Class names are text and never markup: figures are drawn with
mathematics switched off, so a dollar sign is a dollar sign.
"""

import re
from functools import cache, lru_cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

FONT = "DejaVu Sans"  # comes with matplotlib, so figures look the same on every machine
ELLIPSIS = "…"
BREAK = re.compile(r"[\s_/-]+")  # after these a line may end


@lru_cache(maxsize=100_000)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width of one line of text, in points."""
    font = _font(bold)
    font.set_size(100, 72)  # measured large, for hinting rounds widths at small sizes
    font.set_text(text, 0.0)
    return font.get_width_height()[0] / 64 * size / 100


def shortened(text: str, width: float, size: float, bold: bool = False) -> str:
    """The text itself where it fits, else as much of its beginning and end as fits around an ellipsis."""
    text = " ".join(text.split())
    if text_width(text, size, bold) <= width:
        return text
    shortest, longest = 0, len(text) - 1
    while shortest < longest:  # bisection: the width grows with the number of letters
        middle = (shortest + longest + 1) // 2
        if text_width(_around_ellipsis(text, middle), size, bold) <= width:
            shortest = middle
        else:
            longest = middle - 1
    return _around_ellipsis(text, shortest)


def _around_ellipsis(text: str, letters: int) -> str:
    """So many letters of the text, a third of them from its end."""
    end = letters // 3
    return text[: letters - end].rstrip() + ELLIPSIS + text[len(text) - end :].lstrip()


def wrapped(text: str, width: float, size: float, lines: int) -> list[str]:
    """Text set over at most so many lines, broken at spaces and after _ / - ; what is too long is shortened."""
    rest, set_lines = " ".join(text.split()), []
    while rest and len(set_lines) < lines - 1 and text_width(rest, size) > width:
        breaks = [found.end() for found in BREAK.finditer(rest)]
        fitting = [end for end in breaks if text_width(rest[:end].rstrip(), size) <= width]
        end = max(fitting) if fitting else min(breaks, default=len(rest))
        set_lines.append(shortened(rest[:end], width, size))
        rest = rest[end:]
    return [*set_lines, shortened(rest, width, size)] if rest else set_lines


@cache
def _font(bold: bool) -> FT2Font:
    properties = font_manager.FontProperties(family=FONT, weight="bold" if bold else "normal")
    return font_manager.get_font(font_manager.findfont(properties))

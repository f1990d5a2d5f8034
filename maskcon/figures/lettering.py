"""Text that fits: widths measured with the figures' own font, long names shortened with an ellipsis.

    shortened("Chevrolet Silverado 1500 Regular Cab 2012", width=60, size=6)   # 'Chevrolet…b 2012'

The ellipsis stands within the name, for names of one family often differ in their last letters alone.
Sizes and widths are in points (1/72 inch). Class names are text and never markup: figures are drawn with
mathematics switched off, so a dollar sign is a dollar sign.

A letter that the font lacks (Chinese or Korean, say) is taken from one of FURTHER_FONTS that the machine
has; where none has it, in_known_letters puts a box in its place.
"""

import re
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from maskcon.images.packed.image_set import LabelledSet

BYTE_ORDER_MARK = "\ufeff"
FONT = "DejaVu Sans"  # comes with matplotlib, so figures look the same on every machine
FURTHER_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
)
UNKNOWN_LETTER = "\u25a1"  # a box
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
    candidates = (_around_ellipsis(text, letters) for letters in range(len(text) - 1, 0, -1))
    return next((one for one in candidates if text_width(one, size, bold) <= width), ELLIPSIS)


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


def in_known_letters(text: str) -> str:
    """The text with a box for each letter that no font at hand has, and without marks of byte order.

    Such a mark is not a letter, and matplotlib cannot write it into a PDF.
    """
    return "".join(letter if _known(letter) else UNKNOWN_LETTER for letter in text if letter != BYTE_ORDER_MARK)


def with_drawable_names(labelled: LabelledSet) -> LabelledSet:
    """The same set, with a box in place of each letter of its class names that no font at hand has."""
    drawable, unknown = {}, set()
    for labels in ("coarse_name", "fine_name"):
        if (of_images := getattr(labelled, labels)) is not None:
            names, of_image = np.unique(of_images, return_inverse=True)
            drawable[labels] = np.array([in_known_letters(str(name)) for name in names])[of_image]
            unknown.update(letter for letter in set().union(*map(str, names)) if not _known(letter))
    if unknown:
        print(f"no font here has {''.join(sorted(unknown))} of class names; install Noto Sans CJK, for example")
    return replace(labelled, **drawable)


@cache
def _known(letter: str) -> bool:
    if letter.isspace():
        return True
    fonts = (FT2Font(file) for file in _font_files(bold=False))
    return any(font.get_char_index(ord(letter)) for font in fonts)


@cache
def font_families() -> tuple[str, ...]:
    """The figures' font, and those that are asked for letters that it lacks."""
    return (FONT, *(name for name in FURTHER_FONTS if name in font_manager.get_font_names()))


def font_folders() -> list[Path]:
    """Where the fonts of font_families() are."""
    return list(dict.fromkeys(Path(file).parent for file in _font_files(bold=False)))


@cache
def _font_files(bold: bool) -> tuple[str, ...]:
    weight = "bold" if bold else "normal"
    properties = (font_manager.FontProperties(family=family, weight=weight) for family in font_families())
    return tuple(font_manager.findfont(one) for one in properties)


@cache
def _font(bold: bool) -> FT2Font:
    return font_manager.get_font(list(_font_files(bold)))

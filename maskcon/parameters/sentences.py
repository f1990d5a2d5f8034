"""Turns of phrase that several messages have in common.

counted(1, "photo")                     # 1 photo
set_by("data.on_bad_image=skip")        # make params SET="(your values) data.on_bad_image=skip", or ...
"""

import difflib
import json
from collections.abc import Sequence
from typing import Any

LONGEST = 200  # characters of a value in a message


def counted(number: int, word: str) -> str:
    """The number and the word, in its plural where it is not one."""
    ending = "" if number == 1 else "es" if word.endswith("s") else "s"
    return f"{number:,} {word}{ending}"


def set_by(choice: str) -> str:
    """How a person sets a value beside those chosen already, in either way of running."""
    return f'make params SET="(your values) {choice}", or dvc exp run -S (your values) -S {choice}'


def suggestion(name: str, known: Sequence[str], above: str = "") -> str:
    """What was probably meant by an unknown name, and what there is; each as it is written below ``above``."""
    near = difflib.get_close_matches(name[:LONGEST], known, n=1)
    meant = f"Did you mean {above}{near[0]}? " if near else ""
    return f"{meant}There are {', '.join(f'{above}{one}' for one in known)}"


def written(value: Any) -> str:
    """As YAML has it: null, true, "text"; a value that is too long is shortened."""
    try:
        return show(json.dumps(value, ensure_ascii=False, default=str))
    except (TypeError, ValueError, RecursionError):  # odd keys, thousands of digits or brackets
        return f"({type(value).__name__})"


def show(value: object) -> str:
    """A value as text in a line: shortened in the middle, and escaped where a terminal would do more than show it."""
    text = str(value)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}...{text[-LONGEST // 4 :]} ({len(text):,} characters)"
    return text if text.isprintable() else ascii(text)[1:-1]

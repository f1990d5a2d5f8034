"""Turns of phrase that several messages have in common.

counted(1, "photo")                     # 1 photo
set_by("data.on_bad_image=skip")        # make params SET="(your values) data.on_bad_image=skip", or ...
"""


def counted(number: int, word: str) -> str:
    """The number and the word, in its plural where it is not one."""
    ending = "" if number == 1 else "es" if word.endswith("s") else "s"
    return f"{number:,} {word}{ending}"


def set_by(choice: str) -> str:
    """How a person sets a value beside those chosen already, in either way of running."""
    return f'make params SET="(your values) {choice}", or dvc exp run -S (your values) -S {choice}'

"""Draws for some images of a block that are those which the whole block's draw has for them.

Several processes each make the views of their own rows. What an image's view looks like must not depend on how many
processes there are, so each draws for the whole block, a few numbers an image, and keeps its rows.

    generator = GeneratorOfRows(generator_of_the_block, block=4096, rows=torch.arange(1, 4096, 2))
    angle = draw_for_each(lambda number: torch.rand(number, generator=generator), len(images), generator)
"""

from collections.abc import Callable

import torch
from torch import Tensor


class GeneratorOfRows(torch.Generator):
    """A generator on the CPU that begins as another one stands, and knows which rows of a block it is used for.

    Args:
        block: images of the whole block.
        rows: int64 [b], those that views are made of.
    """

    def __new__(cls, generator: torch.Generator, block: int, rows: Tensor) -> "GeneratorOfRows":
        return super().__new__(cls)  # torch's takes the device alone

    def __init__(self, generator: torch.Generator, block: int, rows: Tensor):
        self.set_state(generator.get_state())
        self.block = block
        self.rows = rows


def draw_for_each(draw: Callable[[int], Tensor], number: int, generator: torch.Generator) -> Tensor:
    """``draw(number)``, [number, ...]; of a GeneratorOfRows its rows of what is drawn for the block."""
    if not isinstance(generator, GeneratorOfRows):
        return draw(number)
    return draw(generator.block)[generator.rows]


def uniform(number: int, generator: torch.Generator, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """[number, *shape] in [0, 1), float32 unless said."""
    return draw_for_each(lambda number: torch.rand(number, *shape, generator=generator, dtype=dtype), number, generator)


def chosen(number: int, share: float, generator: torch.Generator) -> Tensor:
    """bool [number]: which images are of a share of all."""
    return uniform(number, generator) < share


def changed(views: Tensor, which: Tensor, change: Callable[..., Tensor], *drawn: Tensor) -> Tensor:
    """``views`` with those of ``which`` (bool [B], on the CPU) changed, each by its own draw."""
    rows = which.nonzero()[:, 0]
    if not len(rows):
        return views
    there = rows.to(views.device)
    views[there] = change(views[there], *(values[rows].to(views.device) for values in drawn))
    return views

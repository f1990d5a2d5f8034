"""How training looks to a person: a bar in a terminal, some ten lines where there is none, or one an epoch."""

import sys
import time
from typing import Any

import torch
from tqdm import tqdm

from maskcon.training.loop import Watcher

LINES = 10
REFRESH_SECONDS = 0.5  # reading the loss waits for the device, so it is not read at every step


class Progress(Watcher):
    """Shows epoch, loss, images/s and time left.

    Args:
        epochs: of the whole run.
        steps: of an epoch.
        batch_size: images of a step.
        every_epoch: without a terminal, a line for each, instead of some ten lines in all.
    """

    def __init__(self, epochs: int, steps: int, batch_size: int, every_epoch: bool = False):
        self.epochs = epochs
        self.steps = steps
        self.batch_size = batch_size
        self.epochs_a_line = 1 if every_epoch else -(-epochs // LINES)
        self.shown_at = 0.0
        self.bar = tqdm(total=epochs * steps, unit="step", disable=not sys.stderr.isatty(), dynamic_ncols=True)

    def resumed(self, curve: list[dict[str, Any]], steps: int) -> None:
        self.bar.reset(total=self.epochs * self.steps)
        self.bar.initial = self.bar.n = len(curve) * self.steps + steps
        beyond = f" and {steps} steps" if steps else ""
        print(f"resumed after epoch {len(curve)}{beyond} of {self.epochs}", flush=True)

    def step_done(self, epoch: int, loss: torch.Tensor) -> None:
        if self.bar.disable:
            return
        self.bar.update()
        if time.monotonic() - self.shown_at >= REFRESH_SECONDS:
            speed = (self.bar.format_dict["rate"] or 0) * self.batch_size
            self.bar.set_description(f"epoch {epoch}/{self.epochs}", refresh=False)
            self.bar.set_postfix_str(f"loss {loss.item():.3f}, {speed:,.0f} images/s")
            self.shown_at = time.monotonic()

    def epoch_done(self, curve: list[dict[str, Any]]) -> None:
        row = curve[-1]
        last = row["epoch"] == self.epochs
        if self.bar.disable and (row["epoch"] % self.epochs_a_line == 0 or last):
            seconds_left = row["seconds"] * (self.epochs - row["epoch"])
            print(
                f"epoch {row['epoch']:>3}/{self.epochs}  loss {row['loss']:.4f}  rate {row['learning_rate']:.4f}  "
                f"{row['images_per_second']:,.0f} images/s  {seconds_left:,.0f} s left",
                flush=True,
            )
        if last:
            self.bar.close()

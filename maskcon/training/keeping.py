"""What of a training reaches the disk while it runs, and what happens where the disk does not take it.

    keeper = Keeper(checkpoints, watcher.snapshot, seconds=300.0, steps=None)
    keeper.snapshot(epoch, encoder)
    if keeper.is_due(steps):
        keeper.checkpoint(steps, state)

A full disk does not stop training. A checkpoint that cannot be written is tried again when the next one is due. A
snapshot is a result, so it waits in memory, and no checkpoint is written before it: training that goes on from a
checkpoint has all snapshots of the epochs before.
"""

import copy
import sys
import time
from collections.abc import Callable

from maskcon.encoders.networks import Encoder
from maskcon.runtime.atomic_files import CannotWrite
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.state import TrainingState


class Keeper:
    """Writes snapshots and checkpoints; says once, on standard error, that it cannot, and once that it can again.

    Args:
        write_snapshot: (epoch, encoder), raises CannotWrite.
        seconds, steps: after which a checkpoint is due, whichever comes first; None: not by time, not by steps.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        write_snapshot: Callable[[int, Encoder], None],
        seconds: float | None,
        steps: int | None,
    ):
        self.checkpoints = checkpoints
        self.write_snapshot = write_snapshot
        self.seconds = seconds
        self.steps = steps
        self.saved_at = time.monotonic()
        self.waiting: dict[int, Encoder] = {}  # epoch -> what is not yet on disk
        self.failing = False

    def is_due(self, steps: int) -> bool:
        """``steps`` counts those of the whole training."""
        by_steps = self.steps is not None and steps % self.steps == 0
        return by_steps or (self.seconds is not None and time.monotonic() - self.saved_at >= self.seconds)

    def snapshot(self, epoch: int, encoder: Encoder) -> None:
        self.waiting[epoch] = encoder
        try:
            self.write_snapshots()
        except CannotWrite as error:
            self.waiting[epoch] = copy.deepcopy(encoder)  # the encoder itself is trained on
            self._warn(error)

    def checkpoint(self, steps: int, state: TrainingState) -> None:
        """Save the state after so many steps of the whole training."""
        try:
            self.write_snapshots()
            self.checkpoints.save(steps, state.state_dict())
        except CannotWrite as error:
            self._warn(error)
            return
        finally:
            self.saved_at = time.monotonic()
        if self.failing:
            print("checkpoints are written again", file=sys.stderr, flush=True)
        self.failing = False

    def write_snapshots(self) -> None:
        """Write those that wait.

        Raises:
            CannotWrite: the disk is still full; what could not be written goes on waiting.
        """
        for epoch in sorted(self.waiting):
            self.write_snapshot(epoch, self.waiting[epoch])
            del self.waiting[epoch]

    def _warn(self, error: CannotWrite) -> None:
        if not self.failing:
            print(
                f"warning: {error.what_happened}; training goes on, and tries again when the next checkpoint is due: "
                "free some space or make the folder writable",
                file=sys.stderr,
                flush=True,
            )
        self.failing = True

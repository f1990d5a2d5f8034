"""Checkpoints: the whole state of a training run, on disk, whole or not at all.

    checkpoints = Checkpoints(folder)
    checkpoints.save(steps, state)
    state = checkpoints.load_latest()          # None where there is none

A file is the SHA-256 of its content, a line feed, and the content. One that does not match its checksum is named and
passed over for the one before it; the last two are kept for that.
"""

import hashlib
import io
import sys
from pathlib import Path
from typing import Any

import torch

from maskcon.runtime.atomic_files import write_atomically

KEPT = 2


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: belongs to this run alone; named by what determines the run, so that no other run resumes from it.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def save(self, steps: int, state: dict[str, Any]) -> None:
        """Write the state after ``steps`` steps of the whole training, then remove all but the last few.

        Raises:
            UserError: the disk is full or the folder cannot be written; the checkpoints there are stay.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getbuffer()
        digest = hashlib.sha256(content).hexdigest().encode()

        def write(file: Any) -> None:
            file.write(digest + b"\n")
            file.write(content)

        path = self.folder / f"step_{steps:09d}.ckpt"
        write_atomically(path, write)
        kept = [file for file in self._files() if file <= path][-KEPT:]
        for file in self._files():  # older ones, and later ones: damaged, since training went on from before them
            if file not in kept:
                file.unlink()

    def load_latest(self) -> dict[str, Any] | None:
        """The newest state whose checksum holds, on the CPU."""
        for path in reversed(self._files()):
            digest, _, content = path.read_bytes().partition(b"\n")
            if hashlib.sha256(content).hexdigest().encode() == digest:
                return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            print(f"warning: checkpoint {path} is damaged and passed over", file=sys.stderr)
        return None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("step_*.ckpt"))


class NoCheckpoints(Checkpoints):
    """Of a process that is not the first: nothing is written, and the first one's checkpoint is sent to it."""

    def save(self, steps: int, state: dict[str, Any]) -> None:
        pass

    def load_latest(self) -> None:
        return None

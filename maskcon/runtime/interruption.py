"""How a stage is told to end: Ctrl-C, SIGTERM, or the end of the dvc, or of the launcher, that started it.

    with Interruptions() as interruptions:
        ...                                      # Interrupted is raised wherever the work is
        with interruptions.postponed():
            ...                                  # a first one waits in interruptions.pending for a good moment

A stage whose dvc was killed would go on by itself and write into the next run's files. So it watches its ancestors and
ends as if it had got SIGTERM when they are no longer those it started with; with a shell between dvc and the stage that
shows in the shell's parent. Only a stage that dvc or torch's launcher of several processes started does so: one started
by hand may outlive its terminal.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType

import psutil

from maskcon.parameters.errors import Interrupted

SHELLS = {"sh", "dash", "bash", "zsh", "fish", "ksh", "busybox", "cmd.exe"}
WATCH_SECONDS = 0.5


class Interruptions:
    """While entered, signals raise Interrupted in the main thread, or wait where they are postponed.

    Args:
        environment: of the process, where dvc and torch's launcher leave their marks.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ):
        marks = {"TORCHELASTIC_RUN_ID": "the launcher", "DVC_STAGE": "dvc"}
        self.started_by = next((name for mark, name in marks.items() if mark in environment), None)
        self.pending: Interrupted | None = None
        self._reason = ""
        self._postponed = False
        self._handlers = {}
        self._over = threading.Event()

    def __enter__(self) -> "Interruptions":
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # what nohup and the like have set stays
                self._handlers[number] = signal.signal(number, self._asked)
        if self.started_by:
            threading.Thread(target=self._watch, args=(ancestors(),), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def postponed(self) -> Iterator[None]:
        """The first interruption inside waits in ``pending``, to be raised at a good moment; a second does not wait."""
        self._postponed = True
        try:
            yield
        finally:
            self._postponed = False
        if self.pending is not None:
            raise self.pending

    def _asked(self, number: int, frame: FrameType | None) -> None:
        first = self.pending is None
        self.pending = Interrupted(number, self._reason)
        if not (self._postponed and first):
            raise self.pending

    def _watch(self, at_the_start: tuple[int, ...]) -> None:
        while not self._over.wait(WATCH_SECONDS):
            if ancestors() != at_the_start:
                if self.pending is None:
                    self._reason = f"{self.started_by}, which started it, is gone"
                    os.kill(os.getpid(), signal.SIGTERM)
                return


def ancestors() -> tuple[int, ...]:
    """Process ids of the parent, its parent and so on, up to the first that is not a shell."""
    found: list[int] = []
    try:
        for process in psutil.Process().parents():
            found.append(process.pid)
            if process.name() not in SHELLS:
                break
    except psutil.Error:  # one of them ended while it was looked at
        found.append(0)
    return tuple(found)

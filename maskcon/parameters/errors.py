"""The exceptions that end a program without being its fault: each is shown as a sentence, never as a traceback."""

import contextlib
import signal
import sys
from collections.abc import Iterator

USER_ERROR_EXIT_CODE = 2
LOST_EXIT_CODE = 75


class UserError(Exception):
    """A mistake in parameters, files or surroundings. The message names the thing, says what was expected
    and what to do."""

    exit_code = USER_ERROR_EXIT_CODE


class ProcessLost(UserError):
    """One of several processes that work together finds another gone: not the cause, which that one tells."""

    exit_code = LOST_EXIT_CODE


class Interrupted(BaseException):
    """The process was asked to end. No Exception, as KeyboardInterrupt is none: what catches errors lets it pass.

    Args:
        number: the signal.
        reason: who asked, as part of a sentence; by default the name of the signal.
    """

    def __init__(self, number: int, reason: str = ""):
        super().__init__(reason or signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """128 and the number of the signal, as shells have it: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.number


@contextlib.contextmanager
def mistakes_end_as_sentences() -> Iterator[None]:
    """A UserError inside ends the program with its sentence and USER_ERROR_EXIT_CODE; a fault keeps its traceback."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR_EXIT_CODE)

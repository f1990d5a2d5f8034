"""The exceptions that end a program without being its fault: each is shown as a sentence, never as a traceback."""

import signal

USER_ERROR_EXIT_CODE = 2


class UserError(Exception):
    """A mistake in parameters, files or surroundings. The message names the thing, says what was expected
    and what to do."""


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

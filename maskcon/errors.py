"""The one exception for what a person can put right: it is shown as a sentence, never as a traceback."""

USER_ERROR_EXIT_CODE = 2


class UserError(Exception):
    """A mistake in parameters, files or surroundings. The message names the thing, says what was expected
    and what to do."""

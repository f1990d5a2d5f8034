"""How every stage begins: parameters are read and checked, and a user's mistake ends as a sentence."""

import sys
from collections.abc import Callable
from pathlib import Path

from maskcon.errors import USER_ERROR_EXIT_CODE, UserError
from maskcon.parameters import Parameters, load_parameters


def run_stage(stage: Callable[[Parameters], None]) -> None:
    """Call ``stage`` with the checked params.yaml of the current folder.

    Exits with code 2 and the message alone on a user's mistake; a fault of the program keeps its traceback.
    """
    try:
        stage(load_parameters(Path("params.yaml")))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR_EXIT_CODE)
